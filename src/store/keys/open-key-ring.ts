import type { Clock } from '../../broker/ports.ts'
import type { SigningAlgorithm } from '../../core/catalogue.ts'
import type { Instant } from '../../core/time.ts'
import { ACCESS_TERMS, AUDIT_TERMS, planKeys, type KeyPlan, type KeyTerms } from './key-schedule.ts'
import { makePrivateFolder, removeTemporaryFiles } from './private-file.ts'
import type { Sealer } from './sealer.ts'
import { readSigningKeys, removeSigningKey, writeSigningKey } from './signing-key-file.ts'
import { generatePrivateKey, signingKeyOf, type KeyUse, type SigningKey } from './signing-key.ts'

/** Keys of one use. `published` is what a verifier may meet now: next, current, and those whose tokens still live. */
export interface Keys {
  /** Undefined where no key of this algorithm was ever asked for. */
  signer(algorithm: SigningAlgorithm, now: Instant): SigningKey | undefined
  published(now: Instant): readonly SigningKey[]
}

/** What became of a key, for the audit. Never the key itself. */
interface KeyChange {
  readonly change: 'created' | 'retired'
  readonly kid: string
  readonly use: KeyUse
  readonly algorithm: SigningAlgorithm
}

/** The broker's own signing keys. */
export interface KeyRing {
  readonly access: Keys
  readonly audit: Keys
  /**
   * Makes the keys that are missing or due and removes those that nobody needs any more. At start, at a reload whose grants
   * want another algorithm, and now and then: late costs nothing but the overlap. One run at a time.
   */
  maintain(algorithms: readonly SigningAlgorithm[]): Promise<readonly KeyChange[]>
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

const AUDIT_ALGORITHM = 'EdDSA'

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

  function planOf({ use, algorithm }: Chain, now: Instant): KeyPlan<SigningKey> {
    const chain = held.filter((key) => key.use === use && key.algorithm === algorithm)
    return planKeys(chain, use === 'access' ? accessTerms : auditTerms, now)
  }

  async function maintain(algorithms: readonly SigningAlgorithm[]): Promise<readonly KeyChange[]> {
    // EdDSA is always there: what wants no other algorithm has a key, and the key document is never empty.
    const wanted = [...new Set<SigningAlgorithm>(['EdDSA', ...algorithms])].map((algorithm): Chain => ({
      use: 'access',
      algorithm,
    }))
    const changes: KeyChange[] = []
    for (const chain of [...wanted, { use: 'audit', algorithm: AUDIT_ALGORITHM } as const]) {
      const createdAt = clock()
      if (!planOf(chain, createdAt).wantsNext) continue
      const key = await signingKeyOf(await generatePrivateKey(chain.algorithm), { ...chain, createdAt })
      // On disk before it is published: a key that a crash lost could never be verified again.
      await writeSigningKey(folder, key, sealer)
      held = [...held, key]
      changes.push({ change: 'created', kid: key.kid, ...chain })
    }
    return [...changes, ...(await retire(clock()))]
  }

  async function retire(now: Instant): Promise<readonly KeyChange[]> {
    const retired = chainsOf(held).flatMap((chain) => planOf(chain, now).retired)
    held = held.filter((key) => !retired.includes(key))
    for (const key of retired) await removeSigningKey(folder, key)
    return retired.map(({ kid, use, algorithm }) => ({ change: 'retired', kid, use, algorithm }))
  }

  const keysOf = (use: KeyUse): Keys => ({
    signer: (algorithm, now) => planOf({ use, algorithm }, now).signer,
    published: (now) =>
      chainsOf(held.filter((key) => key.use === use)).flatMap((chain) => planOf(chain, now).published),
  })

  return {
    access: keysOf('access'),
    audit: keysOf('audit'),
    maintain(algorithms) {
      const run = running.then(() => maintain(algorithms))
      running = run.catch(() => undefined)
      return run
    },
  }
}

/** Each algorithm of each use rotates by itself. */
function chainsOf(keys: readonly SigningKey[]): readonly Chain[] {
  const chains = new Map(keys.map(({ use, algorithm }) => [`${use} ${algorithm}`, { use, algorithm }]))
  return [...chains.values()]
}
