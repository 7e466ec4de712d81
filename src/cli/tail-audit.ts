import type { Client } from '../client/create-client.ts'
import type { AuditRecord, AuditStream } from '../client/resources.ts'
import { headsOf } from './export-audit.ts'
import { jsonLine } from './json-line.ts'
import { paint } from './paint.ts'
import { printable } from './printable.ts'
import { stopsOf } from './stops-of.ts'
import type { Terminal } from './terminal.ts'
import { untilInterrupted } from './until-interrupted.ts'

const EVERY_MS = 1000

interface Tail {
  readonly client: Client
  readonly streams: readonly AuditStream[]
  /** How many to begin with. */
  readonly last: number
  readonly follow: boolean
  readonly json: boolean
}

/** `mayfly audit tail`: the last records of the streams in the order of their time, then each as it is written. */
export async function tailAudit(terminal: Terminal, { client, streams, last, follow, json }: Tail): Promise<void> {
  const signal = terminal.interrupted
  const heads = headsOf(await client.audit.checkpoint({ signal }), client.url)
  const seen = new Map(streams.map((stream) => [stream, Math.max(0, heads[stream] - last)]))
  const unseen = async (): Promise<readonly AuditRecord[]> => {
    const records: AuditRecord[] = []
    for (const [stream, after] of seen)
      for await (const record of client.audit.follow(stream, { after, signal })) records.push(record)
    for (const { stream, seq } of records) seen.set(stream, seq)
    return records.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0))
  }
  const show = (record: AuditRecord): void => terminal.out(json ? jsonLine(record) : line(terminal, record))
  const first = await unseen()
  first.slice(Math.max(0, first.length - last)).forEach(show)
  if (follow) await untilInterrupted(terminal, { everyMs: EVERY_MS, look: async () => (await unseen()).forEach(show) })
}

const STYLE = { approved: 'green', denied: 'red', operations: 'dim' } as const

function line(terminal: Terminal, record: AuditRecord): string {
  const { time, stream, kind, actor, task, lease, subject, decision } = record
  const about = [
    ...(lease === null ? [] : [lease]),
    ...(task === null ? [] : [`task ${task}`]),
    ...(stream === 'denied' && decision ? stopsOf(decision).map(({ reason }) => reason) : []),
    ...[subject['outcome'], subject['reason']].filter((said) => typeof said === 'string'),
  ]
  const who = `${actor.type} ${actor.id}`
  return (
    `${time}  ${paint(terminal, STYLE[stream], kind.padEnd(18))}  ${printable(who)}  ${printable(about.join('  '))}`.trimEnd() +
    '\n'
  )
}
