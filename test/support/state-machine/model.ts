import { acceptClock, readClock, startClock, type ClockState, type GuardedTime } from '../../../src/core/clock-guard.ts'
import type { Clocks } from '../clocked-broker.ts'

/** Whom and what a stop is about. A task is named with the agent that opened it. */
export type ModelScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'agent' | 'owner' | 'lease' | 'provider' | 'grant'; readonly value: string }
  | { readonly kind: 'task'; readonly value: string; readonly agent: string }

export interface Stop {
  readonly kind: 'freeze' | 'revoked'
  readonly scope: ModelScope
  /** Of a freeze: what lifts it. */
  readonly id: string | null
}

/** What a test knows of one lease, from what it asked and was answered. */
export interface ModelLease {
  readonly id: string
  readonly token: string
  readonly agent: string
  readonly owner: string
  readonly task: string
  readonly rootAgent: string
  readonly parent: ModelLease | null
  readonly heartbeatSeconds: number | null
  readonly grants: readonly string[]
  pending: { readonly approval: string; readonly digest: string } | null
  /** For good: nothing may ever bring it back. */
  ended: boolean
  begunAt: number
  expiresAt: number
  maxExpiresAt: number
  lastHeardAt: number
  /** The clock was set back: when it counts as lost is known to the broker only. */
  unsure: boolean
  /** The latest access token that was signed for it, and until when it is good. */
  jwt: { readonly token: string; readonly until: number } | null
}

export const OWNERS = { 'support-bot': 'dana@example.com', 'other-bot': 'otto@example.com' } as const
export type AgentName = keyof typeof OWNERS
export const AGENTS = Object.keys(OWNERS) as readonly AgentName[]
const PROVIDER_OF: Readonly<Record<string, string>> = { 'refunds-api': 'tokens', 'up-warehouse': 'up' }

/** What the configuration in force says, of those that a test may load. */
export const VARIANTS = ['whole', 'no upstream for support-bot', 'without other-bot'] as const
export type Variant = (typeof VARIANTS)[number]

/** What holds by the words of the design, kept beside a broker and without a line of its code but the clock's guard. */
export interface Model {
  readonly clocks: Clocks
  readonly leases: ModelLease[]
  stops: Stop[]
  variant: Variant
  /** Whether the upstream makes what it is asked for. */
  mints: boolean
  clock: ClockState
  heardSince: number
}

const reading = (clocks: Clocks) => ({ wall: clocks.wall(), monotonicMs: clocks.monotonic() })

export function createModel(clocks: Clocks): Model {
  const clock = startClock(null, reading(clocks))
  return { clocks, leases: [], stops: [], variant: 'whole', mints: true, clock, heardSince: clock.mark }
}

/** What a broker reads now. */
export function timeOf(model: Model): GuardedTime {
  const time = readClock(model.clock, reading(model.clocks))
  model.clock = time.state
  return time
}

/** The broker stopped and started again, and has swept. */
export function restarted(model: Model): void {
  model.clock = startClock(timeOf(model).believed, reading(model.clocks))
  model.heardSince = timeOf(model).believed
  swept(model)
}

/** An operator said that the wall clock is right: what has not begun by it has ended. */
export function accepted(model: Model): void {
  swept(model)
  const before = timeOf(model).believed
  model.clock = acceptClock(reading(model.clocks))
  const { believed } = timeOf(model)
  for (const lease of model.leases) {
    if (lease.begunAt > believed) lease.ended = true
    if (believed < before && lease.heartbeatSeconds !== null) lease.unsure = true
  }
  swept(model)
}

/** What a sweep closes: it goes by the time that is believed. */
export function swept(model: Model): void {
  const { believed } = timeOf(model)
  for (const lease of model.leases)
    if (believed >= lease.expiresAt || isLost(model, lease, believed)) lease.ended = true
  cascade(model)
}

function isLost({ heardSince }: Model, lease: ModelLease, believed: number): boolean {
  if (lease.heartbeatSeconds === null || lease.pending || lease.ended || lease.unsure) return false
  return believed >= Math.max(lease.lastHeardAt, heardSince, lease.begunAt) + 2000 * lease.heartbeatSeconds
}

/** The end of a lease is that of everything below it. */
export function cascade({ leases }: Model): void {
  for (const lease of leases) if (ancestorsOf(lease).some(({ ended }) => ended)) lease.ended = true
}

export function ancestorsOf({ parent }: ModelLease): readonly ModelLease[] {
  return parent ? [parent, ...ancestorsOf(parent)] : []
}

/** Whom a lease belongs to, as far as stops care. */
export type Belongings = Pick<ModelLease, 'agent' | 'owner' | 'task' | 'rootAgent'> & { readonly id: string | null }

export function covers(scope: ModelScope, lease: Belongings): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'agent':
      return scope.value === lease.agent
    case 'owner':
      return scope.value === lease.owner
    case 'lease':
      return scope.value === lease.id
    case 'task':
      return scope.value === lease.task && scope.agent === lease.rootAgent
    case 'provider':
    case 'grant':
      return false
  }
}

export const isStopped = ({ stops }: Model, lease: Belongings, kind: Stop['kind']): boolean =>
  stops.some((stop) => stop.kind === kind && covers(stop.scope, lease))

export const isGrantFrozen = ({ stops }: Model, grant: string): boolean =>
  stops.some(
    ({ kind, scope }) =>
      kind === 'freeze' &&
      ((scope.kind === 'grant' && scope.value === grant) ||
        (scope.kind === 'provider' && scope.value === PROVIDER_OF[grant])),
  )

/** Whether an agent may use it now. What is dead is usable again only after a clock that ran ahead was set right. */
export function standingIn(model: Model, lease: ModelLease): 'usable' | 'waits' | 'dead' {
  const { use } = timeOf(model)
  const chain = [lease, ...ancestorsOf(lease)]
  const over = (each: ModelLease): boolean => each.ended || use >= each.expiresAt || isStopped(model, each, 'revoked')
  if (lease.pending || chain.some(over)) return 'dead'
  return chain.some((each) => each.pending !== null || isStopped(model, each, 'freeze')) ? 'waits' : 'usable'
}

export const isConfigured = ({ variant }: Model, agent: string): boolean =>
  variant !== 'without other-bot' || agent !== 'other-bot'

/** What the configuration in force lets an agent have. */
export const mayHave = (model: Model, agent: string, grant: string): boolean =>
  isConfigured(model, agent) &&
  !(model.variant === 'no upstream for support-bot' && agent === 'support-bot' && grant === 'up-warehouse')
