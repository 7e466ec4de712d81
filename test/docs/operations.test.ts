import { expect } from 'chai'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'

import { startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly annotations: { readonly summary: string; readonly runbook_url: string }
}

const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
const headings = Array.from(page.matchAll(/^#+ (.+)$/gm), ([, text = '']) => text)

/** Of every metric of our own that a broker shows which has lived a little. */
async function shownBy(broker: UpstreamBroker): Promise<readonly string[]> {
  const { body } = await broker.request({ access: [WAREHOUSE] })
  broker.upstream.script({ revoke: 'permanent' })
  await broker.call('POST', `/v1/leases/${body.id}/complete`, { token: body.token, body: { outcome: 'success' } })
  await broker.app.sweep()
  const metrics = await broker.call('GET', '/metrics')
  return Array.from((metrics.body as string).matchAll(/^# TYPE (mayfly_\w+) /gm), ([, name = '']) => name)
}

describe('docs/operations.md', () => {
  it('says of each metric what it means and what to do, and of none that there is not', async () => {
    await using broker = await startUpstreamBroker()
    const shown = await shownBy(broker)
    expect(shown.length).to.be.greaterThan(6)
    const rows = Array.from(page.matchAll(/^\| `(mayfly_\w+)(?:\{[^`]*\})?` \| (.+) \| (.+) \|$/gm))
    expect(rows.map(([, name]) => name)).to.have.members(shown)
    for (const [, name, means = '', act = ''] of rows) {
      expect(means.length, name).to.be.greaterThan(20)
      expect(act.length, name).to.be.greaterThan(20)
    }
  })

  it('has an alert for what nobody would otherwise see, each of metrics that there are, with its section', async () => {
    await using broker = await startUpstreamBroker()
    const shown = await shownBy(broker)
    const [, block = ''] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? []
    const { groups } = parse(block) as { readonly groups: readonly { readonly rules: readonly Alert[] }[] }
    const alerts = groups.flatMap(({ rules }) => rules)
    expect(alerts.length).to.be.greaterThan(4)
    for (const { alert, expr, annotations } of alerts) {
      const used = expr.match(/mayfly_\w+/g) ?? []
      expect(used, alert).to.not.deep.equal([])
      // A histogram is asked about by the names of its parts.
      for (const name of used) expect(shown, alert).to.include(name.replace(/_(count|bucket|sum)$/, ''))
      expect(headings.map(anchor), alert).to.include(annotations.runbook_url.split('#')[1])
      expect(annotations.summary, alert).to.match(/\w/)
    }
  })
})

/** As the pages of a repository make an anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
