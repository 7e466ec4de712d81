import type Database from 'better-sqlite3'

import type { Hits, Reads, Transaction } from '../../broker/store-port.ts'
import type { LeaseId } from '../../core/id.ts'
import type { Scope } from '../../core/mark.ts'
import { samePerson } from '../../core/person.ts'
import type { Lease } from '../../core/lease.ts'
import { LEASE_COLUMNS, toLease } from './lease-row.ts'
import { readableRows } from './readable-rows.ts'

type WorkPort = Pick<
  Reads,
  'due' | 'silent' | 'live' | 'liveUnder' | 'hits' | 'cascades' | 'cascading' | 'openChildren'
> &
  Pick<Transaction, 'beginCascade' | 'endCascade'>

const LIVE = `state in ('pending', 'active')`

/** What the leases of a scope have in common. Of a provider or a grant it is the credentials. */
const LEASES = {
  agent: 'lease.agent = @value',
  owner: 'lease.owner = @value collate nocase',
  task: 'lease.task = @value and lease.root_agent = @agent',
  lease: 'lease.id = @value',
} as const
const CREDENTIALS = { provider: 'provider = @value', grant: 'grant_name = @value' } as const

const LEASE_SCOPES = Object.entries(LEASES)
const CREDENTIAL_SCOPES = Object.entries(CREDENTIALS)

/** Every statement that finds work for the sweep, prepared once. Each has an index of its own: nothing due costs nothing. */
export function prepareLeaseWork(db: Database.Database) {
  const count = (text: string) => db.prepare(text).pluck()
  return {
    due: db.prepare<[number, number]>(
      `select ${LEASE_COLUMNS} from lease where ${LIVE} and expires_at <= ? order by expires_at limit ?`,
    ),
    silent: db.prepare<[number, number]>(
      `select ${LEASE_COLUMNS} from lease where state = 'active' and silent_at is not null and silent_at <= ? order by silent_at limit ?`,
    ),
    live: db.prepare<[string, string, string, number]>(
      `select ${LEASE_COLUMNS} from lease where ${LIVE} and (agent, task, id) > (?, ?, ?)
       order by agent, task, id limit ?`,
    ),
    position: db.prepare<[string]>(`select agent, task, id from lease where id = ?`),
    liveUnder: new Map(
      LEASE_SCOPES.map(([kind, covered]) => [
        kind,
        db.prepare(`select ${LEASE_COLUMNS} from lease where ${LIVE} and ${covered} limit @limit`),
      ]),
    ),
    leases: new Map([
      ...LEASE_SCOPES.map(
        ([kind, covered]) => [kind, count(`select count(*) from lease where ${LIVE} and ${covered}`)] as const,
      ),
      ...CREDENTIAL_SCOPES.map(
        ([kind, covered]) =>
          [
            kind,
            count(
              `select count(distinct lease) from credential indexed by credential_active where state = 'active' and ${covered}`,
            ),
          ] as const,
      ),
    ]),
    credentials: new Map([
      ...LEASE_SCOPES.map(
        ([kind, covered]) =>
          [
            kind,
            count(
              `select count(*) from lease join credential on credential.lease = lease.id and credential.state = 'active'
               where lease.${LIVE} and ${covered}`,
            ),
          ] as const,
      ),
      ...CREDENTIAL_SCOPES.map(
        ([kind, covered]) =>
          [
            kind,
            count(`select count(*) from credential indexed by credential_active where state = 'active' and ${covered}`),
          ] as const,
      ),
    ]),
    nextOwner: db
      .prepare<[string], string>(
        `select owner from lease where ${LIVE} and owner collate nocase > ? order by owner collate nocase limit 1`,
      )
      .pluck(),
    cascades: db.prepare<[number]>(`select lease from cascade order by lease limit ?`).pluck(),
    // `cross`: the few that have ended come first, and not every lease that has a parent.
    cascading: db.prepare<[number]>(
      `select ${LEASE_COLUMNS} from cascade cross join lease on parent = cascade.lease and lease.${LIVE} limit ?`,
    ),
    // Asked at every end of a lease. `+`: or SQLite would plan it anew for each limit, which takes longer than to look.
    openChildren: db.prepare<[string, number]>(
      `select ${LEASE_COLUMNS} from lease where parent = ? and ${LIVE} limit +?`,
    ),
    beginCascade: db.prepare<[string]>(`insert into cascade (lease) values (?) on conflict do nothing`),
    endCascade: db.prepare<[string]>(`delete from cascade where lease = ?`),
  }
}

interface Parts {
  /** What is open as a whole, without counting it. */
  readonly everything: () => Hits
  readonly unreadable: (id: string, error: unknown) => void
}

/** The queues of the sweep, as queries: what is due is never loaded before it is. */
export function sqliteLeaseWork(db: Database.Database, { everything, unreadable }: Parts): WorkPort {
  const sql = prepareLeaseWork(db)
  const { take } = readableRows<Lease>(toLease, unreadable)

  /** SQLite folds the case of ASCII only, and people of every alphabet own agents: so the spellings are looked up first. */
  function* spellings(person: string): Generator<string> {
    for (let at = sql.nextOwner.get(''); at !== undefined; at = sql.nextOwner.get(at))
      if (samePerson(at, person)) yield at
  }

  /** The scope as parameters: an owner once for each spelling that is in use. */
  function named(scope: Scope): readonly { readonly value: string; readonly agent: string }[] {
    switch (scope.kind) {
      case 'all':
        return []
      case 'owner':
        return [...spellings(scope.value)].map((value) => ({ value, agent: '' }))
      case 'task':
        return [{ value: scope.value, agent: scope.agent }]
      case 'agent':
      case 'lease':
      case 'provider':
      case 'grant':
        return [{ value: scope.value, agent: '' }]
    }
  }

  const count = (statement: Database.Statement | undefined, scope: Scope): number =>
    named(scope).reduce((sum, names) => sum + Number(statement?.get(names) ?? 0), 0)

  return {
    due: (now, limit) => take(limit, (most) => sql.due.all(now, most)),
    silent: (now, limit) => take(limit, (most) => sql.silent.all(now, most)),
    live: (after, limit) => {
      const from = after === null ? undefined : (sql.position.get(after) as { agent: string; task: string; id: string })
      const { agent = '', task = '', id = '' } = from ?? {}
      return take(limit, (most) => sql.live.all(agent, task, id, most))
    },
    liveUnder: (scope, limit) =>
      take(limit, (most) =>
        named(scope).flatMap((names) => sql.liveUnder.get(scope.kind)?.all({ ...names, limit: most }) ?? []),
      ),
    hits: (scope) =>
      scope.kind === 'all'
        ? everything()
        : {
            leases: count(sql.leases.get(scope.kind), scope),
            credentials: count(sql.credentials.get(scope.kind), scope),
          },
    cascades: (limit) => sql.cascades.all(limit) as LeaseId[],
    cascading: (limit) => take(limit, (most) => sql.cascading.all(most)),
    openChildren: (lease, limit) => take(limit, (most) => sql.openChildren.all(lease, most)),
    beginCascade: (lease) => void sql.beginCascade.run(lease),
    endCascade: (lease) => void sql.endCascade.run(lease),
  }
}
