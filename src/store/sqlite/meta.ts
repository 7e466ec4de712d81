import type Database from 'better-sqlite3'
import * as z from 'zod'

import type { Reads, Transaction } from '../../broker/store-port.ts'
import { RECOVERY_CAUSES, type Recovery } from '../../core/recovery.ts'
import type { Memory } from './group-commit.ts'

type MetaPort = Pick<Reads, 'clockMark' | 'enforcedPolicy' | 'signingKeys' | 'recovery'> &
  Pick<Transaction, 'keepClockMark' | 'keepEnforcedPolicy' | 'keepSigningKeys' | 'keepRecovery'> & {
    readonly memory: Memory
  }

const SigningKeys = z.array(z.tuple([z.string(), z.int()]))

const StoredRecovery = z.strictObject({
  cause: z.enum(RECOVERY_CAUSES),
  detail: z.string(),
  since: z.int().nullable(),
  begun: z.strictObject({ at: z.int(), by: z.string(), reason: z.string() }).nullable(),
  cutOffs: z.record(
    z.string(),
    z.strictObject({
      done: z.boolean(),
      ended: z.array(z.string()),
      remains: z.array(z.string()),
      error: z.string().nullable(),
      attempts: z.int(),
      nextAttemptAt: z.int(),
    }),
  ),
})

/** What the broker knows of itself across starts. */
export function sqliteMeta(db: Database.Database): MetaPort {
  const get = db.prepare<[string], string>('select value from meta where name = ?').pluck()
  const set = db.prepare<[string, string]>(
    'insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value',
  )
  const drop = db.prepare<[string]>('delete from meta where name = ?')
  // Looked at on every use, so it is kept in memory.
  let recovery: Recovery | null = null
  const reread = (): void => {
    const kept = get.get('recovery')
    recovery = kept === undefined ? null : StoredRecovery.parse(JSON.parse(kept))
  }
  reread()
  return {
    memory: { began: () => undefined, undone: reread, reread },
    recovery: () => recovery,
    keepRecovery: (kept) => {
      if (kept) set.run('recovery', JSON.stringify(kept))
      else drop.run('recovery')
      reread()
    },
    clockMark: () => {
      const kept = get.get('clock_mark')
      return kept === undefined ? null : Number(kept)
    },
    keepClockMark: (mark) => void set.run('clock_mark', String(mark)),
    enforcedPolicy: () => get.get('enforced_policy') ?? null,
    keepEnforcedPolicy: (digest) => void set.run('enforced_policy', digest),
    signingKeys: () => new Map(SigningKeys.parse(JSON.parse(get.get('signing_keys') ?? '[]'))),
    keepSigningKeys: (keys) => void set.run('signing_keys', JSON.stringify([...keys])),
  }
}
