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
    targets: db.prepare<[number]>(
      `select distinct target from credential where state = 'revoking' and next_attempt_at <= ? and target is not null`,
    ),
    due: db.prepare<[string, number, number]>(
      `select ${CREDENTIAL_COLUMNS} from credential
       where state = 'revoking' and target = ? and next_attempt_at <= ? order by depth desc, next_attempt_at limit ?`,
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
  return {
    dueTargets: (now) => sql.targets.pluck().all(now) as string[],
    dueRevocations: (target, now, limit) => take(limit, (most) => sql.due.all(target, now, most)),
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
