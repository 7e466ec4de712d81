import type { AuditRecord, AuditStream } from './resources.ts'
import type { CallOptions, Transport } from './transport.ts'

/** The longest page that the broker gives. */
const PAGE = 200

interface ReadOptions extends CallOptions {
  /** The last `seq` that was seen; 0 starts at the first record. */
  readonly after?: number
  /** 1 to 200. */
  readonly limit?: number
}

export interface Audit {
  /** Records of one stream, oldest first. */
  readonly read: (stream: AuditStream, options?: ReadOptions) => Promise<readonly AuditRecord[]>
  /** Every record of one stream up to its present end. */
  readonly follow: (stream: AuditStream, options?: Omit<ReadOptions, 'limit'>) => AsyncGenerator<AuditRecord, void>
  /** A signed statement of how far each stream reaches, as a compact JWS. */
  readonly checkpoint: (options?: CallOptions) => Promise<string>
  /** The JWK Set that checkpoints are signed with. */
  readonly keys: (options?: CallOptions) => Promise<{ readonly keys: readonly Readonly<Record<string, unknown>>[] }>
}

export function auditOf(transport: Transport): Audit {
  const read: Audit['read'] = async (stream, { after = 0, limit = PAGE, ...options } = {}) => {
    const call = { method: 'GET', path: `/v1/audit/${stream}`, query: { after, limit } } as const
    return (await transport.json<{ readonly items: readonly AuditRecord[] }>(call, options)).items
  }
  return {
    read,
    follow: async function* (stream, { after = 0, ...options } = {}) {
      for (let seen = after; ;) {
        const records = await read(stream, { ...options, after: seen })
        yield* records
        const last = records.at(-1)
        if (!last || records.length < PAGE) return
        seen = last.seq
      }
    },
    checkpoint: (options) =>
      transport.text({ method: 'GET', path: '/v1/audit/checkpoint', headers: { Accept: 'application/jwt' } }, options),
    keys: (options) => transport.json({ method: 'GET', path: '/v1/audit/keys' }, options),
  }
}
