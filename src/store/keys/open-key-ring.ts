import type { Clock } from '../../broker/ports.ts'
import type { SigningAlgorithm } from '../../core/catalogue.ts'
import type { Instant } from '../../core/time.ts'
import { ACCESS_TERMS, AUDIT_TERMS, planKeys, type KeyPlan, type KeyTerms } from './key-schedule.ts'
import { makePrivateFolder, removeTemporaryFiles } from './private-file.ts'
import type { Sealer } from './sealer.ts'
import { readSigningKeys, removeSigningKey, writeSigningKey } from './signing-key-file.ts'
import { generatePrivateKey, signingKeyOf, type KeyUse, type SigningKey } from './signing-key.ts'

/** Keys of one use. `published` is what a verifier may meet now: current, next, and those whose tokens still live. */
export interface Keys {
  /** Undefined where no key of this algorithm was ever asked for. */
  signer(algorithm: SigningAlgorithm, now: Instant): SigningKey | undefined
  published(now: Instant): readonly SigningKey[]
}

/** One key and its place in the schedule at some moment. `ends`: when its public half goes; null while that is not known. */
export interface PlacedKey {
  readonly key: SigningKey
  readonly state: 'next' | 'current' | 'retiring'
  readonly ends: Instant | null
}

/** The broker's own signing keys. Whatever changes them runs one at a time. */
export interface KeyRing {
  readonly access: Keys
  readonly audit: Keys
  /** Every key that is published, and those that are `retired` and not yet forgotten. */
  places(now: Instant): readonly PlacedKey[]
  /** Keys that nobody needs any more. */
  retired(now: Instant): readonly SigningKey[]
  /**
   * Makes the keys that are missing or due. At start, at a reload whose grants want another algorithm, and now and then:
   * late costs nothing but the overlap.
   */
  maintain(algorithms: readonly SigningAlgorithm[]): Promise<void>
  /** The next key of every chain signs from now on. What was signed before goes on to verify. */
  rotate(): Promise<void>
  /** Only keys that were made at or after that moment sign from now on. The older ones are in `outdated` until forgotten. */
  startAnew(from: Instant): Promise<void>
  /** Of the keys that were made before: all of access tokens, and those of the audit that have signed nothing. */
  outdated(from: Instant): readonly SigningKey[]
  /** Deletes them: what they signed no longer verifies. */
  forget(keys: readonly SigningKey[]): Promise<void>
}

export interface KeyRingParts {
  /** `<data>/keys`. */
  readonly folder: string
  readonly sealer: Sealer
  readonly clock: Clock
  readonly accessTerms?: KeyTerms
  readonly auditTerms?: KeyTerms
}

interface Chain {
  readonly use: KeyUse
  readonly algorithm: SigningAlgorithm
}

const AUDIT: Chain = { use: 'audit', algorithm: 'EdDSA' }

/** Opens every key file in the folder, or throws a `KeyFault` that stops the start. Call `maintain` next. */
export async function openKeyRing({
  folder,
  sealer,
  clock,
  accessTerms = ACCESS_TERMS,
  auditTerms = AUDIT_TERMS,
}: KeyRingParts): Promise<KeyRing> {
  await makePrivateFolder(folder)
  await removeTemporaryFiles(folder)
  let held = await readSigningKeys(folder, sealer)
  let running: Promise<unknown> = Promise.resolve()

  function planOf({ use, algorithm }: Chain, now: Instant, from: Instant = -Infinity): KeyPlan<SigningKey> {
    const chain = held.filter((key) => key.use === use && key.algorithm === algorithm && key.createdAt >= from)
    return planKeys(chain, use === 'access' ? accessTerms : auditTerms, now)
  }

  /** On disk before it is published: a key that a crash lost could never be verified again. */
  async function make(chain: Chain, signsFrom: Instant, from = -Infinity): Promise<void> {
    // Never older than what it takes the place of, wherever the clock was set to meanwhile.
    const dates = { createdAt: Math.max(clock(), from), signsFrom }
    const key = await signingKeyOf(await generatePrivateKey(chain.algorithm), { ...chain, ...dates })
    await writeSigningKey(folder, key, { sealer, how: 'once' })
    held = [...held, key]
  }

  /** As many as are wanted: at first the one that signs, and the one after it. */
  async function complete(chain: Chain, from?: Instant): Promise<void> {
    for (;;) {
      const { wanted } = planOf(chain, clock(), from)
      if (wanted === null) return
      await make(chain, wanted, from)
    }
  }

  async function promote(key: SigningKey): Promise<void> {
    const signing: SigningKey = { ...key, signsFrom: clock() }
    await writeSigningKey(folder, signing, { sealer, how: 'replace' })
    held = held.map((each) => (each === key ? signing : each))
  }

  async function rotate(): Promise<void> {
    for (const chain of chainsOf(held)) {
      await complete(chain)
      const { next } = planOf(chain, clock())
      if (next) await promote(next)
      await complete(chain)
    }
  }

  async function startAnew(from: Instant): Promise<void> {
    for (const chain of chainsOf(held)) {
      const { signer } = planOf(chain, clock(), from)
      if (signer && signer.signsFrom > clock()) await promote(signer)
      await complete(chain, from)
    }
  }

  async function maintain(algorithms: readonly SigningAlgorithm[]): Promise<void> {
    // EdDSA is always there: what wants no other algorithm has a key, and the key document is never empty.
    const wanted = [...new Set<SigningAlgorithm>(['EdDSA', ...algorithms])]
    for (const algorithm of wanted) await complete({ use: 'access', algorithm })
    await complete(AUDIT)
  }

  async function forget(keys: readonly SigningKey[]): Promise<void> {
    for (const key of keys) {
      if (!held.some(({ kid }) => kid === key.kid)) continue
      held = held.filter(({ kid }) => kid !== key.kid)
      await removeSigningKey(folder, key)
    }
  }

  function oneAtATime(work: () => Promise<void>): Promise<void> {
    const run = running.then(work)
    running = run.catch(() => undefined)
    return run
  }

  const chainPlans = (now: Instant): readonly KeyPlan<SigningKey>[] => chainsOf(held).map((chain) => planOf(chain, now))

  const keysOf = (use: KeyUse): Keys => ({
    signer: (algorithm, now) => planOf({ use, algorithm }, now).signer,
    published: (now) =>
      chainsOf(held.filter((key) => key.use === use)).flatMap((chain) => planOf(chain, now).published),
  })

  return {
    access: keysOf('access'),
    audit: keysOf('audit'),
    places: (now) => chainPlans(now).flatMap(placesIn),
    retired: (now) => chainPlans(now).flatMap(({ retired }) => retired),
    outdated: (from) => held.filter((key) => key.createdAt < from && (key.use === 'access' || key.signsFrom > clock())),
    maintain: (algorithms) => oneAtATime(() => maintain(algorithms)),
    rotate: () => oneAtATime(rotate),
    startAnew: (from) => oneAtATime(() => startAnew(from)),
    forget: (keys) => oneAtATime(() => forget(keys)),
  }
}

function placesIn({ signer, published, retired, endOf }: KeyPlan<SigningKey>): readonly PlacedKey[] {
  const at = published.findIndex((key) => key === signer)
  const state = (index: number) => (index < at ? 'retiring' : index === at ? 'current' : 'next')
  return [
    ...retired.map((key) => ({ key, state: 'retiring', ends: endOf(key) }) as const),
    ...published.map((key, index) => ({ key, state: state(index), ends: endOf(key) }) as const),
  ]
}

/** Each algorithm of each use rotates by itself. */
function chainsOf(keys: readonly SigningKey[]): readonly Chain[] {
  const chains = new Map(keys.map(({ use, algorithm }) => [`${use} ${algorithm}`, { use, algorithm }]))
  return [...chains.values()]
}
