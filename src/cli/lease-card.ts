import type { Lease } from '../client/resources.ts'
import { card } from './card.ts'
import { describeAccess, describeTools } from './describe-access.ts'
import { describeIntent, describeRisk } from './describe-intent.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'
import { when } from './when.ts'

/** `active`, or `closed (revoked)`. */
export const stateOf = ({ state, outcome }: { readonly state: string; readonly outcome: string | null }): string =>
  outcome === null ? state : `${state} (${outcome})`

/** One lease for people. */
export function leaseCard(terminal: Terminal, lease: Lease): string {
  const { agent, owner, task, approval, closed_at, reason, children, parent } = lease
  return card(terminal, [
    ['lease', [lease.id]],
    ['state', [stateOf(lease)]],
    ['reason', reason === null ? [] : [printable(reason)]],
    ['agent', [printable(`${agent}, owned by ${owner}`)]],
    ['task', [printable(task)]],
    ['parent', parent === null ? [] : [parent]],
    ['children', children],
    ['access', describeAccess(lease.access)],
    ['tools', describeTools(lease.tools)],
    ['why', describeIntent(lease.intent)],
    ['risk', describeRisk(lease.decision)],
    ['credentials', lease.credentials.map(describeCredential)],
    ['approval', approval && lease.state === 'pending' ? [`${approval.id}, lapses ${when(approval.expires_at)}`] : []],
    ['ends', closed_at === null && lease.state !== 'pending' ? [`${lease.expires_at}, ${when(lease.expires_at)}`] : []],
    ['ended', closed_at === null ? [] : [`${closed_at}, ${when(closed_at)}`]],
  ])
}

const describeCredential = ({ id, grant, type, state, outcome, expires_at }: Lease['credentials'][number]): string =>
  printable(
    `${id} ${grant} (${type}) ${stateOf({ state, outcome })}${state === 'active' ? `, ends ${when(expires_at)}` : ''}`,
  )
