import type { UpstreamOrder } from '../../broker/provider-port.ts'
import type { Clock } from '../../broker/ports.ts'
import type { Secret } from '../../core/secret.ts'
import { SECOND_MS, type Instant } from '../../core/time.ts'
import { failureOf, VaultFailure } from './failure.ts'
import type { OwnToken } from './own-token.ts'
import { endOf } from './plan.ts'
import type { Parent, Parents } from './parents.ts'
import type { VaultTimings } from './settings.ts'
import type { Transport } from './transport.ts'
import { readMadeToken, readRenewedToken, type MadeToken } from './wire.ts'

/** The service token of one credential. */
export interface TaskToken {
  readonly token: Secret<string>
  readonly accessor: string
  /** Its parent's accessor. */
  readonly parent: string
  readonly life: Life
  /** It was born with all the life that it may have. */
  readonly whole: boolean
}

/** When something ends that Vault gave so many seconds, by the clock before the request and by the one after it. */
export interface Life {
  readonly earliest: Instant
  readonly latest: Instant
}

export interface TaskTokenParts {
  readonly transport: Transport
  readonly own: OwnToken
  readonly parents: Parents
  readonly clock: Clock
  readonly timings: VaultTimings
}

const CREATE = 'auth/token/create'
const RENEW = 'auth/token/renew-accessor'

/** Runs `use` with a new service token of exactly these policies, under this boot's parent. It lives for the birth TTL. */
export async function withTaskToken<T>(
  parts: TaskTokenParts,
  order: UpstreamOrder,
  policies: readonly string[],
  signal: AbortSignal,
  use: (task: TaskToken) => Promise<T>,
): Promise<T> {
  for (let tries = 0; tries < 2; tries += 1) {
    const result = await parts.parents.with(signal, async (parent) => {
      const made = await create(parts, order, policies, parent, signal)
      // The parent may have been revoked under us, by an operator or by a Vault that lost its memory: another one can.
      return made ? { value: await use(made) } : { lost: await parts.parents.lost(parent, signal) }
    })
    if ('value' in result) return result.value
    if (!result.lost) break
  }
  throw new VaultFailure(`Vault answered ${CREATE} with 403`, 403)
}

/**
 * Made with the parent's token and not through a token role: Vault forgets `explicit_max_ttl` when it renews a token that
 * came of a role, so whoever may renew it could keep it for ever.
 */
async function create(
  { transport, clock, timings }: TaskTokenParts,
  order: UpstreamOrder,
  policies: readonly string[],
  parent: Parent,
  signal: AbortSignal,
): Promise<TaskToken | undefined> {
  const { credential, lease } = order
  const at = clock()
  const left = secondsUntil(endOf(order), at)
  const data = {
    policies,
    no_default_policy: true,
    type: 'service',
    renewable: true,
    ttl: `${Math.min(timings.birthSeconds, left)}s`,
    explicit_max_ttl: `${left}s`,
    display_name: credential,
    meta: { credential, lease: lease.id, task: lease.task, agent: lease.agent },
  }
  const answer = await transport({ method: 'POST', path: CREATE, token: parent.token, data, signal })
  if (answer.kind === 'answered' && answer.status === 403) return undefined
  const made = readMadeToken(answer)
  if (!made) throw failureOf(CREATE, answer)
  if (!isAsOrdered(made, policies, left)) throw new VaultFailure('Vault made another token than was ordered', 200)
  const life = lifeOf(made.lease_duration, at, clock())
  return {
    token: made.client_token,
    accessor: made.accessor,
    parent: parent.accessor,
    life,
    whole: left <= timings.birthSeconds,
  }
}

/** Policies that came with an identity, a role or a default would be more than was ordered. */
function isAsOrdered(made: MadeToken, policies: readonly string[], seconds: number): boolean {
  return (
    made.token_type === 'service' &&
    !made.orphan &&
    made.lease_duration > 0 &&
    made.lease_duration <= seconds &&
    (made.identity_policies ?? []).length === 0 &&
    made.policies.length === new Set(policies).size &&
    made.policies.every((each) => policies.includes(each))
  )
}

/** Prolongs a recorded task's token from its birth TTL to the end of its order. */
export async function prolong(
  { own, clock }: TaskTokenParts,
  task: TaskToken,
  order: UpstreamOrder,
  signal: AbortSignal,
): Promise<Life> {
  if (task.whole) return task.life
  const at = clock()
  const left = secondsUntil(endOf(order), at)
  const data = { accessor: task.accessor, increment: `${left}s` }
  const answer = await own.ask({ method: 'POST', path: RENEW, data, signal })
  const renewed = readRenewedToken(answer)
  if (!renewed) throw failureOf(RENEW, answer)
  if (renewed.lease_duration === 0 || renewed.lease_duration > left)
    throw new VaultFailure('Vault renewed the token for longer than was ordered', 200)
  return lifeOf(renewed.lease_duration, at, clock())
}

export const lifeOf = (seconds: number, before: Instant, after: Instant): Life => ({
  earliest: before + seconds * SECOND_MS,
  latest: after + seconds * SECOND_MS,
})

/** At least one: zero would be Vault's own default, a month. */
export function secondsUntil(end: Instant, now: Instant): number {
  const seconds = Math.floor((end - now) / SECOND_MS)
  if (seconds < 1) throw new VaultFailure('The lease ends within the second', null)
  return seconds
}
