import type { Client } from '../client/create-client.ts'
import type { Approval } from '../client/resources.ts'
import { approvalCard, needs } from './approval-card.ts'
import { findId } from './find-id.ts'
import { stateOf } from './lease-card.ts'
import { operatorClient } from './open-client.ts'
import type { Terminal } from './terminal.ts'
import { when } from './when.ts'

/** What an approver looks at, and may answer. */
export interface Shown {
  readonly client: Client
  readonly approval: Approval
}

/** The approval whose id starts like this. */
export async function findApproval(terminal: Terminal, given: string): Promise<Shown> {
  const client = await operatorClient(terminal)
  const id = await findId({ kind: 'apr', given, all: () => client.approvals.follow({ limit: 200 }) })
  return { client, approval: await client.approvals.get(id, { signal: terminal.interrupted }) }
}

/** Everything that waits for an answer. Whoever has waited longest is first. */
export async function pendingApprovals(terminal: Terminal): Promise<readonly Shown[]> {
  const client = await operatorClient(terminal)
  const pending: Shown[] = []
  const query = { state: 'pending', limit: 200 } as const
  for await (const approval of client.approvals.follow(query, { signal: terminal.interrupted }))
    pending.push({ client, approval })
  return pending.reverse()
}

/** The card, with the risk as the rules saw it: that stands in the lease. */
export async function cardOf(terminal: Terminal, { client, approval }: Shown): Promise<string> {
  const { decision } = await client.leases.get(approval.lease, { signal: terminal.interrupted })
  return approvalCard(terminal, approval, decision)
}

/** What came of an answer. A yes may still need people, or meet rules that say no by now. */
export async function outcomeOf(terminal: Terminal, { client, approval }: Shown): Promise<string> {
  if (approval.state === 'pending') return `${approval.id}  pending, needs ${needs(approval)}`
  const lease = await client.leases.get(approval.lease, { signal: terminal.interrupted })
  const until = lease.state === 'active' ? `, ends ${when(lease.expires_at)}` : ''
  return `${approval.id}  ${approval.state}: lease ${lease.id} is ${stateOf(lease)}${until}`
}
