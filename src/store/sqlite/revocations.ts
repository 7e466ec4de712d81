import type Database from 'better-sqlite3'

import type { Reads } from '../../broker/store-port.ts'
import type { Credential } from '../../core/credential.ts'
import { CREDENTIAL_COLUMNS, toCredential } from './credential-row.ts'

type RevocationPort = Pick<
  Reads,
  'dueTargets' | 'dueRevocations' | 'staleMinting' | 'recordedOf' | 'endedAt' | 'providersInUse' | 'oldestRevocation'
>

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
    revoking: db.prepare(`select distinct provider from credential where state = 'revoking'`).pluck(),
    intended: db.prepare(`select distinct provider from credential where state = 'minting'`).pluck(),
    oldest: db.prepare(`select min(revoking_at) from credential where state = 'revoking'`).pluck(),
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
  const poisoned = new Set<string>()

  function readable(raw: unknown): readonly Credential[] {
    try {
      return [toCredential(raw)]
    } catch (error) {
      const { id } = raw as { readonly id: string }
      if (!poisoned.has(id)) unreadable(id, error)
      poisoned.add(id)
      return []
    }
  }

  return {
    dueTargets: (now) => sql.targets.pluck().all(now) as string[],
    dueRevocations: (target, now, limit) =>
      sql.due
        .all(target, now, limit + poisoned.size)
        .flatMap(readable)
        .slice(0, limit),
    staleMinting: (boot, before, limit) => sql.minting.all(boot, before, limit + poisoned.size).flatMap(readable),
    recordedOf: (provider) => sql.recorded.flatMap((state) => state.all(provider).map(toCredential)),
    endedAt: (target, now) => sql.ended.all(target, now) as { handle: string; notAfter: number }[],
    providersInUse: () => [
      ...new Set([...active(), ...(sql.revoking.all() as string[]), ...(sql.intended.all() as string[])]),
    ],
    oldestRevocation: () => sql.oldest.get() as number | null,
  }
}
