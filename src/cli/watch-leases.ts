import type { Client } from '../client/create-client.ts'
import type { LeaseRow } from '../client/resources.ts'
import { jsonLine } from './json-line.ts'
import { stateOf } from './lease-card.ts'
import { paint } from './paint.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'
import { untilInterrupted } from './until-interrupted.ts'

const OPEN = ['pending', 'active', 'closing'] as const

interface Watch {
  readonly client: Client
  readonly everySeconds: number
  readonly json: boolean
}

/** `mayfly lease watch`: a line for every open lease, then one for each that opens, changes its state or ends. */
export async function watchLeases(terminal: Terminal, { client, everySeconds, json }: Watch): Promise<void> {
  const signal = terminal.interrupted
  let before: ReadonlyMap<string, LeaseRow> = new Map()
  const show = (lease: LeaseRow): void => terminal.out(json ? jsonLine(lease) : line(terminal, lease))
  await untilInterrupted(terminal, {
    everyMs: everySeconds * 1000,
    look: async () => {
      const now = await openLeases(client, signal)
      for (const lease of now.values()) if (before.get(lease.id)?.state !== lease.state) show(lease)
      for (const id of before.keys()) if (!now.has(id)) show(await client.leases.get(id, { signal }))
      before = now
    },
  })
}

/** Asked for in the order of their lives, so that a lease that moves on meanwhile is seen in its later state, not missed. */
async function openLeases(client: Client, signal: AbortSignal): Promise<ReadonlyMap<string, LeaseRow>> {
  const open = new Map<string, LeaseRow>()
  for (const state of OPEN)
    for await (const lease of client.leases.follow({ state, limit: 200 }, { signal })) open.set(lease.id, lease)
  return new Map([...open].sort(([one], [other]) => (one < other ? -1 : 1)))
}

const STYLE = { pending: 'yellow', active: 'green', closing: 'dim', closed: 'dim' } as const

function line(terminal: Terminal, lease: LeaseRow): string {
  const { id, state, agent, task, access, reason } = lease
  const shown = paint(terminal, STYLE[state], stateOf(lease).padEnd(18))
  const grants = access.map(({ grant }) => grant).join(',')
  return `${new Date().toISOString()}  ${id}  ${shown}  ${printable([agent, task, grants, reason ?? ''].join('  ').trimEnd())}\n`
}
