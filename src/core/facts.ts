import type { Autonomy, Claims, Origin, Trust } from './catalogue.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * Everything that a rule `on: lease` may read. The names are the rule author's names, so they are snake_case and never
 * renamed. Facts that a part of the broker does not fill yet hold their empty value, so that a rule on them loads.
 */
export interface LeaseFacts {
  readonly agent: {
    readonly id: string
    readonly owner: string
    readonly trust: Trust
    readonly issuer: string
    readonly claims: Claims
    readonly recent: { readonly hour: RecentCounts; readonly day: RecentCounts }
  }
  /** The worse of what was declared and what is configured. */
  readonly intent: {
    readonly purpose: string
    readonly data_classes: readonly string[]
    readonly autonomy: Autonomy
    readonly origin: Origin
  }
  /** What was literally said; `""` or empty where nothing was. A rule that reads it may only ask or charge. */
  readonly declared: {
    readonly goal: string
    readonly purpose: string
    readonly data_classes: readonly string[]
    readonly autonomy: string
    readonly origin: string
    readonly on_behalf_of: string
  }
  readonly access: readonly AccessFacts[]
  readonly tools: readonly ToolFacts[]
  /** Seconds, as asked. */
  readonly ttl: number
  readonly task: { readonly id: string; readonly open_leases: number; readonly outcomes: readonly string[] }
  readonly parent: ParentFacts
  /** UTC. `weekday` is 1 (Monday) to 7. */
  readonly now: { readonly hour: number; readonly weekday: number }
  /** Free JSON that the caller sent: runtime posture and the like. Declared, like `declared`. */
  readonly context: Json
  readonly history: HistoryFacts
}

/** What the tree of a task has met so far: whatever its leases did, and the labels that came along. */
export interface HistoryFacts {
  readonly labels: readonly string[]
  /** Allowed calls by tool. */
  readonly calls: Readonly<Record<string, number>>
  /** Names of the last tools that were called, newest first, at most ten. */
  readonly last: readonly string[]
  /** How often this very call was allowed already; 0 for a lease. */
  readonly repeats: number
  /** Denials in a row. */
  readonly denials: number
}

export const NO_HISTORY: HistoryFacts = { labels: [], calls: {}, last: [], repeats: 0, denials: 0 }

/** Everything that a rule `on: action` may read: all that a rule `on: lease` may, and the call itself. */
export interface ActionFacts extends LeaseFacts {
  readonly tool: { readonly name: string; readonly labels: readonly string[] }
  readonly arguments: JsonObject
  readonly resource: string
  readonly lease: {
    readonly risk: number
    /** Seconds. */
    readonly age: number
    readonly remaining: number
    /** The caller has another address than whoever asked for the lease. */
    readonly address_changed: boolean
  }
}

export interface RecentCounts {
  readonly leases: number
  readonly denials: number
  readonly asks: number
}

export interface AccessFacts {
  readonly grant: string
  readonly provider: string
  readonly type: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly labels: readonly string[]
  /** The entry named nothing narrower than the grant's ceiling. */
  readonly broad: boolean
}

export interface ToolFacts {
  readonly tool: string
  readonly labels: readonly string[]
  /** Names of the arguments that the lease bounds. */
  readonly bounded: readonly string[]
  /** 0: unlimited. */
  readonly max_calls: number
  readonly only: boolean
}

/** The lease that this one descends from. `depth` 0: it is a root, and the rest is empty. */
export interface ParentFacts {
  readonly depth: number
  readonly agent: string
  readonly purpose: string
  readonly data_classes: readonly string[]
  readonly risk: number
  readonly children: number
}

export const NO_RECENT: RecentCounts = { leases: 0, denials: 0, asks: 0 }
export const NO_PARENT: ParentFacts = { depth: 0, agent: '', purpose: '', data_classes: [], risk: 0, children: 0 }
