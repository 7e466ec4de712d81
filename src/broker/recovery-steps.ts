import type { CutOffSoFar, Recovery } from '../core/recovery.ts'
import type { Broker } from './ports.ts'
import type { Hits, Reads } from './store-port.ts'

/** One thing that has to be done before a broker may mint again. `waiting`: the recovery has not begun. */
export interface RecoveryStep {
  readonly step: 'leases' | 'keys' | 'provider'
  /** Of the provider. */
  readonly name: string | null
  readonly state: 'waiting' | 'running' | 'failed' | 'done'
  readonly detail: string
  readonly ended: readonly string[]
  readonly remains: readonly string[]
}

export interface RecoveryStatus {
  /** `carried_out`: every step is done, and an operator has yet to acknowledge it. */
  readonly state: 'none' | 'waiting' | 'running' | 'carried_out'
  readonly recovery: Recovery | null
  /** What is open now, and ends. */
  readonly hits: Hits
  /** Outside of a recovery: what one would do. */
  readonly steps: readonly RecoveryStep[]
}

type Parts = Pick<Broker, 'keys' | 'providers'>

/** How far the recovery has come, told from what there is: nothing is remembered as done that can be looked at. */
export function recoveryStatus(broker: Parts, reads: Reads): RecoveryStatus {
  const recovery = reads.recovery()
  const steps = [leasesStep(reads, recovery), keysStep(broker, recovery), ...providerSteps(broker, recovery)]
  const state = recovery
    ? recovery.begun
      ? steps.every((step) => step.state === 'done')
        ? 'carried_out'
        : 'running'
      : 'waiting'
    : 'none'
  return { state, recovery, hits: reads.hits({ kind: 'all' }), steps }
}

function leasesStep(reads: Reads, recovery: Recovery | null): RecoveryStep {
  const open = reads.countLive(null)
  const detail = open === 0 ? 'No lease is open' : `Open leases end, with all that they hold: ${open}`
  return { ...NOTHING, step: 'leases', state: stateOf(recovery, open === 0), detail }
}

function keysStep({ keys }: Parts, recovery: Recovery | null): RecoveryStep {
  const from = recovery?.begun?.at
  const old = keys.list().filter((key) => {
    const works = key.use === 'access' || key.state !== 'retiring'
    return works && (from === undefined || key.createdAt < from)
  })
  const detail =
    old.length === 0
      ? 'Every key that signs or is accepted was made after the recovery began'
      : `Signing keys are replaced: ${old.length}. What they signed no longer verifies, but for checkpoints of the audit`
  return { ...NOTHING, step: 'keys', state: stateOf(recovery, old.length === 0), detail }
}

function providerSteps({ providers }: Parts, recovery: Recovery | null): readonly RecoveryStep[] {
  return [...providers().values()].flatMap((provider): readonly RecoveryStep[] => {
    if (provider.kind === 'local') return []
    const { name } = provider
    const soFar = recovery?.cutOffs[name]
    if (recovery?.begun && soFar) return [{ step: 'provider', name, ...told(soFar) }]
    const detail = provider.cutOff
      ? 'Whatever it handed out is cut off, also what the ledger does not know of'
      : 'It takes back what the ledger knows of, and cannot cut off anything else'
    return [{ ...NOTHING, step: 'provider', name, state: recovery?.begun ? 'running' : 'waiting', detail }]
  })
}

function told({ done, ended, remains, error }: CutOffSoFar): Omit<RecoveryStep, 'step' | 'name'> {
  if (done) return { state: 'done', detail: 'What it handed out is cut off', ended, remains }
  return { state: 'failed', detail: `${error ?? 'It failed'}. It is tried again`, ended, remains }
}

const NOTHING = { name: null, ended: [], remains: [] } as const

const stateOf = (recovery: Recovery | null, done: boolean): RecoveryStep['state'] =>
  recovery?.begun ? (done ? 'done' : 'running') : 'waiting'
