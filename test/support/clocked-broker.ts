import { ORDINARY, type TestBrokerOptions } from './broker.ts'
import { scriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts'
import { startUpstreamBroker, type UpstreamBroker } from './upstream-broker.ts'

/** Once a year: a test that sweeps by hand sweeps alone. */
export const seldom = (settings: object) => ({ ...settings, sweep: { every: '0 0 0 1 1 *' } })

/** Time as it really is, and a wall clock that may show another one. Neither moves by itself. */
export interface Clocks {
  /** What upstreams and verifiers live by. */
  readonly truth: () => number
  readonly wall: () => number
  readonly monotonic: () => number
  /** So much time really goes by. */
  readonly pass: (ms: number) => void
  /** So much time goes by while the machine sleeps: the monotonic clock does not see it. */
  readonly sleep: (ms: number) => void
  /** Somebody sets the wall clock. */
  readonly jump: (ms: number) => void
  /** And somebody sets it right again. */
  readonly setRight: () => void
}

export function twoClocks(from = Date.now()): Clocks {
  let [truth, awake, skew] = [from, 0, 0]
  return {
    truth: () => truth,
    wall: () => truth + skew,
    monotonic: () => awake,
    pass: (ms) => {
      truth += ms
      awake += ms
    },
    sleep: (ms) => void (truth += ms),
    jump: (ms) => void (skew += ms),
    setRight: () => void (skew = 0),
  }
}

export interface ClockedBroker extends UpstreamBroker {
  readonly clocks: Clocks
  /** So much time really goes by, with the sweep at its end. */
  readonly pass: (ms: number) => Promise<void>
}

interface ClockedOptions extends TestBrokerOptions {
  readonly clocks?: Clocks
  readonly upstreams?: readonly ScriptedUpstream[]
}

/** A broker with upstreams whose clocks stand still until the test moves them, and that sweeps only when it is told to. */
export async function startClockedBroker(options: ClockedOptions = {}): Promise<ClockedBroker> {
  const { clocks = twoClocks(), upstreams = [scriptedUpstream()], configure = seldom, ...rest } = options
  const app = { clock: clocks.wall, monotonic: clocks.monotonic, ...rest.app }
  const broker = await startUpstreamBroker({ ...rest, configure, app, upstreams })
  for (const upstream of upstreams) upstream.followClock(clocks.truth)
  const identity: UpstreamBroker['identity'] = (agent, claims) => {
    const now = Math.floor(clocks.wall() / 1000)
    // Good by the wall clock and by the time that is believed, which may be another one.
    return broker.identity(agent, { iat: now, exp: now + 100 * 365 * 86_400, ...claims })
  }
  return {
    ...broker,
    clocks,
    identity,
    request: (over = {}, { agent, headers = {} } = {}) =>
      broker.call('POST', '/v1/leases', { token: identity(agent), body: { ...ORDINARY, ...over }, headers }),
    pass: async (ms) => {
      clocks.pass(ms)
      await broker.app.sweep()
    },
  }
}
