import type { Client } from '../client/create-client.ts'
import type { AuditStream } from '../client/resources.ts'
import { MayflyUnreachable } from '../client/mayfly-unreachable.ts'
import { jsonLine } from './json-line.ts'

export const STREAMS = ['approved', 'denied', 'operations'] as const satisfies readonly AuditStream[]

/**
 * Every stream up to one checkpoint, then the checkpoint, then the keys that it is signed with. The checkpoint is taken
 * first: one taken last would speak of records that were written meanwhile, and the export would look cut off.
 */
export async function* exportAudit(client: Client, signal: AbortSignal): AsyncGenerator<string, void> {
  const checkpoint = await client.audit.checkpoint({ signal })
  const { keys } = await client.audit.keys({ signal })
  const heads = headsOf(checkpoint, client.url)
  for (const stream of STREAMS) {
    for await (const record of client.audit.follow(stream, { signal })) {
      if (record.seq > heads[stream]) break
      yield jsonLine({ record })
    }
  }
  yield jsonLine({ checkpoint })
  yield jsonLine({ keys: { keys } })
}

/** How far each stream reaches, as the checkpoint says. Read, not verified: `mayfly audit verify` does that. */
export function headsOf(checkpoint: string, url: string): Readonly<Record<AuditStream, number>> {
  try {
    const [, payload = ''] = checkpoint.split('.')
    const { streams } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Checkpoint
    return { approved: streams.approved.seq, denied: streams.denied.seq, operations: streams.operations.seq }
  } catch {
    throw new MayflyUnreachable('not-mayfly', url)
  }
}

interface Checkpoint {
  readonly streams: Readonly<Record<AuditStream, { readonly seq: number }>>
}
