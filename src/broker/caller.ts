import type { Claims } from '../core/catalogue.ts'
import type { LeaseId } from '../core/id.ts'
import type { Role } from '../core/role.ts'

/** A workload that proved who it is, and which configured agent that makes it. */
export interface AgentCaller {
  readonly type: 'agent'
  readonly agent: string
  readonly issuer: string
  readonly subject: string
  /** Its instance claims in canonical form; `""` where none are configured. */
  readonly instance: string
  readonly claims: Claims
}

/** Whoever holds a lease token: proof of that lease, as long as its row is kept. */
export interface LeaseCaller {
  readonly type: 'lease'
  readonly lease: LeaseId
  readonly agent: string
}

/** A hook or wrapper of an agent: it may evaluate and report for one lease, and nothing else. */
export interface EvaluatorCaller {
  readonly type: 'evaluator'
  readonly lease: LeaseId
  readonly agent: string
}

export interface OperatorCaller {
  readonly type: 'operator'
  readonly id: string
  readonly role: Role
  /** Groups that a rule may ask for by `approvers`. */
  readonly groups: readonly string[]
}

/** A policy enforcement point: a tool server or gateway, for its own tools and audiences. */
export interface PepCaller {
  readonly type: 'pep'
  readonly name: string
  readonly tools: readonly string[]
  readonly audiences: readonly string[]
  /** It has authenticated the agent itself, so that a lease id is enough. */
  readonly vouchesForLease: boolean
}

export type Caller = AgentCaller | LeaseCaller | EvaluatorCaller | OperatorCaller | PepCaller
