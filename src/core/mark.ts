import type { MarkId } from './id.ts'
import type { Lease } from './lease.ts'
import { samePerson } from './person.ts'
import type { Instant } from './time.ts'

/** What a mark is about. A task belongs to the root agent that opened it: two agents may give two tasks one name. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'agent' | 'owner' | 'lease' | 'provider' | 'grant'; readonly value: string }
  | { readonly kind: 'task'; readonly value: string; readonly agent: string }

/**
 * A stored stop that every use looks at. A freeze can be lifted and destroys nothing; a revocation of an agent, owner or
 * task has closed what it covers and keeps new leases away until it is restored.
 */
export interface Mark {
  readonly id: MarkId
  readonly kind: 'freeze' | 'revoked'
  readonly scope: Scope
  readonly since: Instant
  readonly by: string
  readonly reason: string
}

/** Whom and what a lease belongs to, as far as marks care. */
export type Marked = Pick<Lease, 'agent' | 'owner' | 'task' | 'rootAgent'> & { readonly id: string | null }

/** Whether the scope covers the lease itself. Scopes of providers and grants cover credentials, never a lease. */
export function coversLease(scope: Scope, lease: Marked): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'agent':
      return lease.agent === scope.value
    case 'owner':
      return samePerson(lease.owner, scope.value)
    case 'task':
      return lease.task === scope.value && lease.rootAgent === scope.agent
    case 'lease':
      return lease.id === scope.value
    case 'provider':
    case 'grant':
      return false
  }
}

/** Whether the scope covers credentials of this grant, whoever holds them. */
export function coversGrant(scope: Scope, grant: { readonly grant: string; readonly provider: string }): boolean {
  if (scope.kind === 'grant') return scope.value === grant.grant
  return scope.kind === 'provider' && scope.value === grant.provider
}

/** Whether two scopes are the same one. */
export function sameScope(one: Scope, other: Scope): boolean {
  if (one.kind === 'all' || other.kind === 'all') return one.kind === other.kind
  if (one.kind !== other.kind) return false
  if (one.kind === 'task' && other.kind === 'task') return one.value === other.value && one.agent === other.agent
  return one.kind === 'owner' ? samePerson(one.value, other.value) : one.value === other.value
}
