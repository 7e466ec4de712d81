import { failedCutOff, type CutOffSoFar, type RecoveryBegun } from '../core/recovery.ts'
import type { Instant } from '../core/time.ts'
import { BROKER, recoveryEntry } from './audit-entries.ts'
import { closeEach } from './close-each.ts'
import type { Broker } from './ports.ts'
import type { CutOff, UpstreamProvider } from './provider-port.ts'

/** How long one provider may take to cut off what it handed out. */
const CUT_OFF_MS = 60_000

/**
 * Carries a recovery that was begun as far as it goes now. Every step may be done again, so that a crash at any moment
 * costs nothing but the repetition, and one that fails is tried again by the next sweep.
 */
export async function carryOutRecovery(broker: Broker, givenUp: AbortSignal): Promise<void> {
  const begun = broker.store.reads.recovery()?.begun
  if (!begun) return
  // Asked while the ledger still holds what it knows of them.
  const providers = [...broker.providers().values()].flatMap((each) => (each.kind === 'upstream' ? [each] : []))
  const cuttingOff = Promise.all(providers.map((provider) => cutOff(broker, provider, { begun, givenUp })))
  await endWhatIsOurs(broker)
  await cuttingOff
}

/** What takes no upstream: every lease that was open is closed, and no key that was there before signs or is published. */
export async function endWhatIsOurs(broker: Broker): Promise<void> {
  const begun = broker.store.reads.recovery()?.begun
  if (!begun) return
  await closeEach(broker, {
    next: (limit) => broker.store.reads.live(null, limit),
    closing: () => ({ outcome: 'revoked', reason: `Recovery: ${begun.reason}` }),
    actor: BROKER,
  })
  const actor = { type: 'operator', id: begun.by } as const
  await broker.keys.startAnew(begun.at, { actor, reason: `recovery: ${begun.reason}`, requestId: null })
}

interface Run {
  readonly begun: RecoveryBegun
  /** Aborted when an operator goes on without it. */
  readonly givenUp: AbortSignal
}

async function cutOff(broker: Broker, provider: UpstreamProvider, { begun, givenUp }: Run): Promise<void> {
  const before = broker.store.reads.recovery()?.cutOffs[provider.name]
  if (before && (before.done || before.nextAttemptAt > broker.time.believed())) return
  let after: CutOffSoFar
  try {
    const { ended, remains } = await asked(provider, broker.clock(), givenUp)
    const attempts = (before?.attempts ?? 0) + 1
    after = { done: true, ended, remains, error: null, attempts, nextAttemptAt: broker.time.believed() }
  } catch (error) {
    broker.log.error({ err: error, provider: provider.name }, 'a provider could not cut off what it handed out')
    // Providers keep secrets out of their errors; what is not an error has no words.
    after = failedCutOff(before, error instanceof Error ? error.message : 'It failed', broker.time.believed())
  }
  await broker.store.commit((tx) => {
    const recovery = tx.recovery()
    if (recovery?.begun?.at !== begun.at) return
    tx.keepRecovery({ ...recovery, cutOffs: { ...recovery.cutOffs, [provider.name]: after } })
    if (!after.done) return
    const reason = [...after.ended, ...after.remains].join('. ')
    const origin = { actor: BROKER, requestId: null, now: broker.time.believed() }
    tx.append(recoveryEntry('recovery.cut_off', { outcome: provider.name, reason }, origin))
  })
}

/** Nothing is minted meanwhile, so that everything there is was handed out before. A provider that does not listen to its signal holds nobody up. */
async function asked(provider: UpstreamProvider, before: Instant, givenUp: AbortSignal): Promise<CutOff> {
  if (!provider.cutOff) return CANNOT
  const signal = AbortSignal.any([AbortSignal.timeout(CUT_OFF_MS), givenUp])
  const { promise: late, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => {
    reject(new Error(givenUp.aborted ? 'It was given up' : 'The upstream did not answer in time'))
  })
  return await Promise.race([provider.cutOff(before, signal), late])
}

const CANNOT: CutOff = {
  ended: [],
  remains: ['What the ledger knows of is taken back one by one. What it does not know of ends by itself'],
}
