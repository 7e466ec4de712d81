import type Database from 'better-sqlite3'

import type { Reads } from '../../broker/store-port.ts'
import type { Credential } from '../../core/credential.ts'
import { CREDENTIAL_COLUMNS, toCredential } from './credential-row.ts'
import { readableRows } from './readable-rows.ts'

type RevocationPort = Pick<
  Reads,
  | 'dueTargets'
  | 'dueRevocations'
  | 'staleMinting'
  | 'recordedOf'
  | 'recordedLately'
  | 'endedAt'
  | 'providersInUse'
  | 'oldestRevocation'
>

/** As far as anybody looks back. */
const LATELY = 1000

/** Every statement that finds work for the closer, prepared once. */
export function prepareRevocations(db: Database.Database) {
  return {
    // From target to target and from depth to depth, each one step in the index: a hundred thousand rows that are parked
    // or put off are stepped over, and not looked at.
    nextTarget: db
      .prepare<[string]>(
        `select target from credential indexed by credential_due where state = 'revoking' and target > ?
         order by target limit 1`,
      )
      .pluck(),
    nextDepth: db
      .prepare<[string, number]>(
        `select depth from credential indexed by credential_due where state = 'revoking' and target = ? and depth < ?
         order by depth desc limit 1`,
      )
      .pluck(),
    due: db.prepare<[string, number, number, number]>(
      `select ${CREDENTIAL_COLUMNS} from credential indexed by credential_due
       where state = 'revoking' and target = ? and depth = ? and next_attempt_at <= ? order by next_attempt_at limit +?`,
    ),
    isDue: db.prepare<[string, number, number]>(
      `select 1 from credential indexed by credential_due
       where state = 'revoking' and target = ? and depth = ? and next_attempt_at <= ? limit 1`,
    ),
    minting: db.prepare<[string, number, number]>(
      `select ${CREDENTIAL_COLUMNS} from credential
       where state = 'minting' and (boot <> ? or issued_at < ?) order by issued_at limit ?`,
    ),
    ended: db.prepare<[string, number]>(
      `select handle, not_after as notAfter from credential
       where target = ? and state in ('revoking', 'closed') and not_after > ? order by revoking_at, id`,
    ),
    recorded: (['minting', 'active', 'revoking'] as const).map((state) =>
      db.prepare<[string]>(
        `select ${CREDENTIAL_COLUMNS} from credential where state = '${state}' and provider = ? and sealed is not null`,
      ),
    ),
    lately: db.prepare<[number, number]>(
      `select ${CREDENTIAL_COLUMNS} from credential
       where target is not null and issued_at <= ? order by issued_at desc, id desc limit ?`,
    ),
    revoking: db.prepare(`select distinct provider from credential where state = 'revoking'`).pluck(),
    intended: db.prepare(`select distinct provider from credential where state = 'minting'`).pluck(),
    // Word for word as the index has it, or SQLite would not take that.
    oldest: db
      .prepare(
        `select min(revoking_at) from credential where state = 'revoking' and (attempts = 0 or last_error is not null)`,
      )
      .pluck(),
  }
}

interface Parts {
  readonly unreadable: (id: string, error: unknown) => void
  /** Providers that have active credentials. */
  readonly active: () => Iterable<string>
}

/** The queue of the closer. A row that cannot be read is left out and reported, so that it never stops the others. */
export function sqliteRevocations(db: Database.Database, { unreadable, active }: Parts): RevocationPort {
  const sql = prepareRevocations(db)
  const { take } = readableRows<Credential>(toCredential, unreadable)
  const targets = (): readonly string[] => [...steps('', (last) => sql.nextTarget.get(last) as string | undefined)]
  /** Deepest first: children end before their parents. */
  const depths = (target: string): readonly number[] => [
    ...steps(Number.MAX_SAFE_INTEGER, (last) => sql.nextDepth.get(target, last) as number | undefined),
  ]

  return {
    dueTargets: (now) =>
      targets().filter((target) => depths(target).some((depth) => sql.isDue.get(target, depth, now) !== undefined)),
    dueRevocations: (target, now, limit) =>
      take(limit, (most) => {
        const rows: unknown[] = []
        for (const depth of depths(target)) {
          if (rows.length === most) break
          rows.push(...sql.due.all(target, depth, now, most - rows.length))
        }
        return rows
      }),
    staleMinting: (boot, before, limit) => take(limit, (most) => sql.minting.all(boot, before, most)),
    recordedOf: (provider) => sql.recorded.flatMap((state) => state.all(provider).map(toCredential)),
    recordedLately: (provider) =>
      take(LATELY, (most) => sql.lately.all(Number.MAX_SAFE_INTEGER, most)).filter(
        (row) => row.provider === provider && row.sealed !== null,
      ),
    endedAt: (target, now) => sql.ended.all(target, now) as { handle: string; notAfter: number }[],
    providersInUse: () => [
      ...new Set([...active(), ...(sql.revoking.all() as string[]), ...(sql.intended.all() as string[])]),
    ],
    oldestRevocation: () => sql.oldest.get() as number | null,
  }
}

/** What each step finds, until one finds nothing. */
function* steps<T>(from: T, next: (last: T) => T | undefined): Generator<T, void> {
  for (let found = next(from); found !== undefined; found = next(found)) yield found
}
