import type { Client } from '../client/create-client.ts'
import type { Lease } from '../client/resources.ts'
import { confirmStop } from './confirm-stop.ts'
import { counted } from './counted.ts'
import { jsonLine } from './json-line.ts'
import { stateOf } from './lease-card.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

interface Revocation {
  readonly client: Client
  readonly id: string
  readonly reason: string
  readonly yes: boolean
  readonly json: boolean
}

/** `mayfly lease revoke`: says what it will hit, asks where somebody can answer, and takes it back. */
export async function revokeLease(terminal: Terminal, { client, id, reason, yes, json }: Revocation): Promise<void> {
  const signal = terminal.interrupted
  const lease = await client.leases.get(id, { signal })
  if (lease.state !== 'closed') {
    const says = `This takes back ${await hits(client, lease)}: agent ${printable(lease.agent)}, task ${printable(lease.task)}.`
    await confirmStop(terminal, { says, question: 'Take it back?', yes })
  }
  const revoked = await client.leases.revoke(id, reason, { signal })
  terminal.out(json ? jsonLine(revoked) : `${revoked.id}  ${stateOf(revoked)}\n`)
}

/** `1 lease, 2 credentials`: the lease, what was delegated from it, and what is alive of both. */
async function hits(client: Client, lease: Lease): Promise<string> {
  const tree = [lease]
  for (const each of tree) for (const child of each.children) tree.push(await client.leases.get(child))
  const open = tree.filter(({ state }) => state !== 'closed')
  const alive = open.flatMap(({ credentials }) => credentials).filter(({ state }) => state !== 'closed')
  return `${counted(open.length, 'lease')}, ${counted(alive.length, 'credential')}`
}
