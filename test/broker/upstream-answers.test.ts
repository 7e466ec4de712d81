import { expect } from 'chai'
import { readLedger } from '../support/ledger-file.ts'
import { startClockedBroker, type ClockedBroker } from '../support/clocked-broker.ts'
import { scriptedUpstream, type RevokeScript, type ScriptedUpstreamOptions } from '../support/scripted-upstream.ts'
import { orphans, WAREHOUSE } from '../support/upstream-broker.ts'

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]

/** Nothing ends by itself within the test: what nobody takes back lives on. */
const start = (options: ScriptedUpstreamOptions = {}): Promise<ClockedBroker> =>
  startClockedBroker({ upstreams: [scriptedUpstream({ leastLifeMs: 100 * HOUR, ...options })] })

/** Leases that their agents complete, one after the other. Returns what the upstream knows their credentials by. */
async function completed(broker: ClockedBroker, count: number): Promise<readonly string[]> {
  const handles = []
  for (let at = 0; at < count; at += 1) {
    const { body: lease } = await broker.request({ access: [WAREHOUSE], task: `run-${at}` })
    handles.push(lease.credentials[0].value.username as string)
    const call = { token: lease.token, body: { outcome: 'success' } }
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, call)
  }
  // Sweeping waits for what the completions have set off.
  await broker.app.sweep()
  return handles
}

const rowsOf = ({ folder }: ClockedBroker) => [...readLedger(folder).credentials.values()]

async function failures(broker: ClockedBroker): Promise<number> {
  const { body } = await broker.call('GET', '/metrics', { token: broker.operator('viewer') })
  return Number(/^mayfly_revocations_failed_total\{provider="up"\} (\d+)$/m.exec(body as string)?.[1] ?? 0)
}

async function stuck(
  broker: ClockedBroker,
): Promise<readonly { readonly last_error: string; readonly attempts: number }[]> {
  const { body } = await broker.call('GET', '/v1/credentials?stuck=true', { token: broker.operator('viewer') })
  return body.items
}

/** Lets time pass in steps until it holds, and says how long that took. No row may be lost meanwhile. */
async function passUntil(broker: ClockedBroker, stepMs: number, holds: () => boolean): Promise<number> {
  let passed = 0
  for (; !holds(); passed += stepMs) {
    if (passed > 10 * HOUR) throw new Error('It did not come to be')
    await broker.pass(stepMs)
    expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
  }
  return passed
}

describe('an upstream that answers a revocation', function () {
  this.timeout(30_000)

  it('every other time, at random, loses no row of it', async () => {
    await using broker = await start()
    let turn = 0
    const words: readonly RevokeScript[] = ['unreachable', 'ok', 'throttled', 'lost', 'unknown', 'ok', 'unreachable']
    broker.upstream.script({ revoke: () => words[turn++ % words.length] ?? 'ok' })
    const handles = await completed(broker, 40)
    expect(
      rowsOf(broker).filter(({ state }) => state === 'revoking'),
      'some of them',
    ).to.not.be.empty
    await passUntil(broker, 15 * SECOND, () => rowsOf(broker).every(({ state }) => state === 'closed'))
    expect(broker.upstream.live()).to.deep.equal([])
    expect(rowsOf(broker).map(({ handle }) => handle)).to.have.members(handles)
    expect(rowsOf(broker).every(({ outcome }) => outcome === 'revoked')).to.equal(true)
  })

  it('with a permanent no is asked again every hour, alerts, and holds up no other row', async () => {
    await using broker = await start()
    let forbidden: readonly string[] = []
    broker.upstream.script({ revoke: (handle) => (forbidden.includes(handle) ? 'permanent' : 'ok') })
    const { body: lease } = await broker.request({ access: [WAREHOUSE] })
    forbidden = [lease.credentials[0].value.username]
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
    await completed(broker, 5)
    expect(broker.upstream.live(), 'only that one').to.deep.equal(forbidden)
    expect(await stuck(broker)).to.have.length(1)
    expect(await failures(broker)).to.equal(1)
    const calls = () => broker.upstream.revocations.get(forbidden[0] ?? '')
    await broker.pass(59 * MINUTE)
    expect(calls()).to.equal(1)
    await broker.pass(2 * MINUTE)
    expect(calls()).to.equal(2)
    await broker.pass(61 * MINUTE)
    expect(calls()).to.equal(3)
    expect(await failures(broker)).to.equal(3)
    expect((await stuck(broker))[0]).to.include({ attempts: 3, last_error: 'The upstream answered 403' })
    forbidden = []
    await broker.pass(61 * MINUTE)
    expect(broker.upstream.live()).to.deep.equal([])
    expect(await stuck(broker)).to.deep.equal([])
  })

  it('that it is gone already, for good, ends the row', async () => {
    await using broker = await start()
    broker.upstream.script({ revoke: 'gone' })
    const [handle = ''] = await completed(broker, 1)
    expect(rowsOf(broker)).to.have.length(1)
    expect(rowsOf(broker)[0]).to.include({ state: 'closed', outcome: 'revoked' })
    expect(broker.upstream.revocations.get(handle)).to.equal(1)
  })

  it('that it is not found while it is young is asked again, until it can know', async () => {
    await using broker = await start({ visibleAfterMs: 30 * SECOND })
    const [handle = ''] = await completed(broker, 1)
    expect(broker.upstream.live(), 'it was not found, and works').to.deep.equal([handle])
    expect(rowsOf(broker)[0]).to.include({ state: 'revoking', attempts: 1 })
    await passUntil(broker, 5 * SECOND, () => rowsOf(broker)[0]?.state === 'closed')
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('that it is not found would end the row too early without the word of its provider (a control)', async () => {
    await using broker = await start({ visibleAfterMs: 30 * SECOND, consistencyMs: 0 })
    const [handle = ''] = await completed(broker, 1)
    expect(rowsOf(broker)[0]).to.include({ state: 'closed' })
    expect(orphans(broker.folder, broker.upstream)).to.deep.equal([handle])
  })

  const waits: Readonly<Record<'throttled' | 'unknown' | 'throws' | 'unreachable', number>> = {
    throttled: 4,
    unknown: 4,
    throws: 4,
    unreachable: 0,
  }
  for (const [word, attempts] of Object.entries(waits) as [keyof typeof waits, number][]) {
    it(`with ${word} is asked again ever more seldom, and never not at all`, async () => {
      await using broker = await start()
      broker.upstream.script({ revoke: word })
      const [handle = ''] = await completed(broker, 1)
      const calls = () => broker.upstream.revocations.get(handle) ?? 0
      await passUntil(broker, 5 * SECOND, () => calls() >= 4)
      expect(rowsOf(broker)[0]).to.include({ state: 'revoking', attempts })
      const before = calls()
      await passUntil(broker, MINUTE, () => calls() > before + 20)
      broker.upstream.script({ revoke: 'ok' })
      expect(await passUntil(broker, 15 * SECOND, () => broker.upstream.live().length === 0)).to.be.below(8 * MINUTE)
      expect(rowsOf(broker)[0]).to.include({ state: 'closed', outcome: 'revoked' })
    })
  }
})
