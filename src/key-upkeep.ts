import { BROKER } from './broker/audit-entries.ts'
import type { Clock, KeyChangeBy, Policy, SigningKeyRecord, SigningKeys } from './broker/ports.ts'
import type { Store, Transaction } from './broker/store-port.ts'
import type { AuditKind } from './core/audit.ts'
import type { Instant } from './core/time.ts'
import type { KeyRing } from './store/keys/open-key-ring.ts'
import type { SigningKey } from './store/keys/signing-key.ts'

interface Parts {
  readonly ring: KeyRing
  readonly store: Store
  readonly clock: Clock
  readonly log: { readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void }
}

/** A key that goes, and why. */
interface Leaving {
  readonly key: SigningKey
  readonly outcome: 'retired' | 'withdrawn'
}

export interface KeyUpkeep extends SigningKeys {
  /** Makes the signing keys that the grants want or that are due, and retires those that nobody needs. */
  readonly maintain: (catalogue: Policy['catalogue']) => Promise<void>
}

const SCHEDULE: KeyChangeBy = { actor: BROKER, reason: null, requestId: null }

/**
 * Changes the keys and puts it on record. Files and ledger cannot change in one step, so the ledger is brought up to what
 * the files say: a change whose record a crash has lost is recorded by the next look. A key is deleted after its record.
 */
export function keyUpkeep({ ring, store, clock, log }: Parts): KeyUpkeep {
  const list = (): readonly SigningKeyRecord[] =>
    ring.places(clock()).map(({ key: { kid, use, algorithm, createdAt, signsFrom }, state, ends }) => ({
      ...{ kid, use, algorithm, createdAt, signsFrom },
      state,
      ends,
    }))

  async function record(by: KeyChangeBy, leaving: readonly Leaving[]): Promise<void> {
    const changed = (known: ReadonlyMap<string, Instant>): boolean =>
      leaving.length > 0 || list().some(({ kid, signsFrom }) => known.get(kid) !== signsFrom)
    if (!changed(store.reads.signingKeys())) return
    const changes = await store.commit((tx) => bringUpToDate(tx, list(), leaving, { ...by, at: clock() }))
    await ring.forget(leaving.map(({ key }) => key))
    for (const { change, key } of changes)
      log.info({ kid: key.kid, use: key.use, algorithm: key.algorithm }, `a signing key was ${change}`)
  }

  const outOfUse = (): readonly Leaving[] => ring.retired(clock()).map((key) => ({ key, outcome: 'retired' }))

  return {
    list,
    maintain: async ({ grants }) => {
      await ring.maintain([...grants.values()].flatMap((grant) => (grant.type === 'jwt' ? [grant.algorithm] : [])))
      await record(SCHEDULE, outOfUse())
    },
    rotate: async (by) => {
      await ring.rotate()
      await record(by, outOfUse())
    },
    startAnew: async (from, by) => {
      await ring.startAnew(from)
      await record(
        by,
        ring.outdated(from).map((key) => ({ key, outcome: 'withdrawn' })),
      )
    },
  }
}

interface Change {
  readonly change: 'created' | 'rotated' | Leaving['outcome']
  readonly key: Pick<SigningKeyRecord, 'kid' | 'use' | 'algorithm' | 'signsFrom'>
}

/** One record for each difference between what is on record and what there is. */
function bringUpToDate(
  tx: Transaction,
  keys: readonly SigningKeyRecord[],
  leaving: readonly Leaving[],
  { at, actor, reason, requestId }: KeyChangeBy & { readonly at: Instant },
): readonly Change[] {
  const known = tx.signingKeys()
  const gone = new Set(leaving.map(({ key }) => key.kid))
  const staying = keys.filter(({ kid }) => !gone.has(kid))
  const changes: readonly Change[] = [
    ...staying.flatMap((key): readonly Change[] => {
      const before = known.get(key.kid)
      if (before === key.signsFrom) return []
      return [{ change: before === undefined ? 'created' : 'rotated', key }]
    }),
    ...leaving.flatMap(({ key, outcome }): readonly Change[] => (known.has(key.kid) ? [{ change: outcome, key }] : [])),
  ]
  for (const { change, key } of changes) {
    const what = `${key.use} ${key.algorithm}`
    const subject = { id: key.kid, outcome: change, reason: reason === null ? what : `${what}: ${reason}` }
    tx.append({ kind: KINDS[change], time: at, actor, subject, requestId })
  }
  tx.keepSigningKeys(new Map(staying.map(({ kid, signsFrom }) => [kid, signsFrom])))
  return changes
}

const KINDS = {
  created: 'key.created',
  rotated: 'key.rotated',
  retired: 'key.retired',
  withdrawn: 'key.retired',
} as const satisfies Record<Change['change'], AuditKind>
