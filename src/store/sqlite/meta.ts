import type Database from 'better-sqlite3'
import * as z from 'zod'

import type { Reads, Transaction } from '../../broker/store-port.ts'

type MetaPort = Pick<Reads, 'clockMark' | 'enforcedPolicy' | 'signingKeys'> &
  Pick<Transaction, 'keepClockMark' | 'keepEnforcedPolicy' | 'keepSigningKeys'>

const SigningKeys = z.array(z.tuple([z.string(), z.int()]))

/** What the broker knows of itself across starts. */
export function sqliteMeta(db: Database.Database): MetaPort {
  const get = db.prepare<[string], string>('select value from meta where name = ?').pluck()
  const set = db.prepare<[string, string]>(
    'insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value',
  )
  return {
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
