import { expect } from 'chai'
import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

import { createClient, type Client } from '../../src/client/create-client.ts'
import { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import type { LeaseRequest } from '../../src/client/resources.ts'
import { runMayfly, startMayfly, type RunningBroker } from '../support/mayfly-process.ts'
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

const CLOSED = '  - { id: closed-today, on: lease, when: "true", effect: deny, reason: Closed today }'

describe('a running mayfly dev', function () {
  this.timeout(30_000)

  let folder: TemporaryFolder
  let broker: RunningBroker
  let operator: Client
  let agent: Client
  let request: LeaseRequest
  let rules: string

  const inDev = (name: string): string => folder.at(`.mayfly/${name}`)
  const writeRules = (text: string): Promise<void> => writeFile(inDev('rules/baseline.yaml'), text)
  const closedToday = (): string => rules.replace(/^rules:$/m, `rules:\n${CLOSED}`)
  /** `granted`, or which no. */
  const answer = (): Promise<string> =>
    agent.leases.request(request).then(
      () => 'granted',
      (error: unknown) => (error instanceof MayflyProblem ? String(error.slug) : String(error)),
    )
  const recorded = async (kind: string): Promise<number> =>
    (await operator.audit.read('operations')).filter((record) => record.kind === kind).length

  before(async () => {
    folder = await temporaryFolder()
    broker = await startMayfly(['dev', '--listen', '127.0.0.1:0'], { cwd: folder.path })
    const anybody = createClient({ url: broker.url })
    operator = anybody.withToken((await readFile(inDev('operator-token'), 'utf8')).trim())
    agent = anybody.withToken((await runMayfly(['dev', 'identity'], { cwd: folder.path })).stdout.trim())
    request = JSON.parse(await readFile(inDev('demo/lease.json'), 'utf8')) as LeaseRequest
    rules = await readFile(inDev('rules/baseline.yaml'), 'utf8')
  })
  after(async () => {
    await broker[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  /** Does something, and waits until one more record of that kind says that the broker has noticed. */
  const noticed = async (kind: string, change: () => unknown): Promise<void> => {
    const before = await recorded(kind)
    await change()
    await until(`one more ${kind}`, async () => (await recorded(kind)) === before + 1)
  }

  it('loads its configuration again on SIGHUP, with no file changed', async () => {
    await noticed('config.loaded', () => broker.kill('SIGHUP'))
  })

  it('follows a rule file that changes, there and back', async () => {
    expect(await answer()).to.equal('granted')
    await noticed('config.loaded', () => writeRules(closedToday()))
    expect(await answer()).to.equal('denied')
    await noticed('config.loaded', () => writeRules(rules))
    expect(await answer()).to.equal('granted')
  })

  it('keeps the rules in force when the new ones are broken, has it on record, and says where', async () => {
    const before = await recorded('config.loaded')
    await noticed('config.refused', () => writeRules(closedToday().replace('"true"', '"intent.purpos == 1"')))
    expect(await recorded('config.loaded')).to.equal(before)
    expect(await answer()).to.equal('granted')
    expect(broker.stderr()).to.match(/baseline\.yaml:\d+:\d+/)

    await noticed('config.loaded', () => writeRules(closedToday()))
    expect(await answer()).to.equal('denied')
    await noticed('config.loaded', () => writeRules(rules))
  })

  it('answers who waits, ends with 0 soon after SIGTERM, and hears no second one', async () => {
    const { id, token = '' } = await agent.leases.request(request)
    const polled = fetch(`${broker.url}/v1/leases/${id}?wait=30&state=active`, {
      headers: { authorization: `Bearer ${token}` },
    })
    // Sent later and answered: the poll is being held by now, and a connection is idle. Neither may hold up the end.
    await operator.whoami()
    const toldAt = performance.now()
    broker.kill('SIGTERM')
    expect((await polled).status).to.equal(200)
    while (broker.kill('SIGTERM')) await wait(1)
    expect(await broker.ended).to.deep.equal({ code: 0, signal: null })
    expect(performance.now() - toldAt).to.be.below(4_000)
  })
})
