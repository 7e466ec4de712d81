import { expect } from 'chai'
import { PassThrough } from 'node:stream'

import type { OperatorName } from '../support/broker.ts'
import { recoveryOf } from '../support/recovery.ts'
import { scriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts'
import { startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'
import { mayfly, type Ran, type Setting } from './support/mayfly.ts'

/** A terminal with somebody at it, who answers every question with this key. */
function withSomebody(key: string): Setting {
  const [input, output] = [new PassThrough(), new PassThrough()]
  output.on('data', (shown: Buffer) => {
    if (/◆/.test(shown.toString())) setImmediate(() => input.write(key))
  })
  return { interactive: true, questions: { input, output } }
}

describe('mayfly recover', () => {
  let upstream: ScriptedUpstream
  let broker: UpstreamBroker
  beforeEach(async () => {
    upstream = scriptedUpstream({ cutsOff: true })
    broker = await startUpstreamBroker({ upstreams: [upstream] })
    await broker.request({ access: [{ grant: 'refunds-api' }, WAREHOUSE] })
  })
  afterEach(() => broker[Symbol.asyncDispose]())

  const run = (args: readonly string[], over: Setting = {}, name: OperatorName = 'admin'): Promise<Ran> =>
    mayfly(['recover', ...args], { ...over, env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator(name) } })
  const HITS =
    'This ends 1 lease with 2 credentials, replaces every signing key, and cuts off up. Nothing is minted until it is acknowledged.\n'

  it('shows what one would do, and does nothing, where no reason is given', async () => {
    const shown = await run([], {}, 'viewer')
    expect(shown.code).to.equal(0)
    expect(shown.stdout.replace(/ +/g, ' ')).to.equal(
      [
        'recovery none: this is what one would do',
        'leases Open leases end, with all that they hold: 1',
        'keys Signing keys are replaced: 4. What they signed no longer verifies, but for checkpoints of the audit',
        'up Whatever it handed out is cut off, also what the ledger does not know of',
        '',
      ].join('\n'),
    )
    expect((await run(['--json'], {}, 'viewer')).json).to.deep.include({
      state: 'none',
      hits: { leases: 1, credentials: 2 },
    })
    expect((await recoveryOf(broker)).state).to.equal('none')
  })

  it('says what it hits, does it step by step, and what remains; then somebody has to answer for it', async () => {
    const begun = await run(['--reason', 'A laptop was stolen'])
    expect(begun.code).to.equal(6)
    const [says, ...steps] = begun.stderr.split(/(?<=\n)/)
    expect(says).to.equal(HITS)
    expect(steps).to.include.members(['leases: done\n', 'keys: done\n', 'up: done\n'])
    expect(steps.at(-1)).to.equal(
      'Nothing is minted until somebody answers for what remains: mayfly recover --acknowledge\n',
    )
    expect(begun.stdout).to.match(/^recovery +carried out; nothing is minted until it is acknowledged$/m)
    expect(begun.stdout).to.match(/^because +an operator suspects a compromise$/m)
    expect(begun.stdout).to.match(/^begun +by ada@example\.com at 20.*Z: A laptop was stolen$/m)
    expect(begun.stdout).to.match(
      /^up +done: What it handed out is cut off\n +ended: .*\n +remains: Copies that somebody made/m,
    )
    expect(upstream.live()).to.deep.equal([])

    const done = await run(['--acknowledge', '--reason', 'It was wiped'])
    expect([done.code, done.stdout]).to.deep.equal([0, 'The recovery is over: the broker mints again.\n'])
    expect(done.stderr).to.match(/remains: Copies that somebody made/)
    expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
  })

  it('goes through all of it in one command', async () => {
    const done = await run(['--reason', 'Drill', '--acknowledge', '--json'])
    expect([done.code, done.json.state]).to.deep.equal([0, 'none'])
    expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
  })

  it('asks somebody at a terminal before it begins, and again before the broker mints', async () => {
    const left = await run(['--reason', 'Drill'], withSomebody('n'))
    expect([left.code, left.stdout]).to.deep.equal([1, ''])
    expect(left.stderr).to.equal(`${HITS}Nothing was done.\n`)
    expect((await recoveryOf(broker)).state).to.equal('none')
    const done = await run(['--reason', 'Drill'], withSomebody('y'))
    expect([done.code, done.stdout]).to.deep.equal([0, 'The recovery is over: the broker mints again.\n'])
  })

  it('names what is not done, and goes on where it was', async () => {
    upstream.script({ cutOff: 'unknown' })
    const failed = await run(['--reason', 'Drill', '--acknowledge'])
    expect(failed.code).to.equal(8)
    expect(failed.stdout).to.match(/^up +failed: The upstream answered 500\. It is tried again$/m)
    expect(failed.stderr).to.match(/^up: not done yet\. The broker goes on trying\.\nMend what is named above/m)
    const accepted = await run(['--acknowledge', '--accept', 'up', '--reason', 'It burnt down'])
    expect(accepted.code).to.equal(0)
    expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
  })

  it('has nothing to acknowledge where there is no recovery, and needs an admin to begin one', async () => {
    const nothing = await run(['--acknowledge'])
    expect([nothing.code, nothing.stderr]).to.deep.equal([
      7,
      'The broker is not in recovery: there is nothing to acknowledge.\nTo begin one, say why: mayfly recover --reason TEXT\n',
    ])
    const refused = await run(['--reason', 'Drill'], {}, 'operator')
    expect(refused.code).to.equal(4)
    expect((await recoveryOf(broker)).state).to.equal('none')
  })
})
