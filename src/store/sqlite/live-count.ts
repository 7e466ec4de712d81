import type Database from 'better-sqlite3'
import type { LeaseState } from '../../core/lease.ts'

export interface LiveCount {
  /** Leases pending or active, of one agent or of all. */
  readonly of: (agent: string | null) => number
  /** One lease of this agent went from one state to another; `null`: it was not there before. */
  readonly moved: (agent: string, from: LeaseState | null, to: LeaseState) => void
  /** After a rollback: the numbers in memory may count leases that are not there. */
  readonly recount: () => void
}

/**
 * How many leases are open. Every request asks, and counting tens of thousands of rows each time would be most of the
 * request: so the rows are counted at the start and after a rollback, and every change is added in between.
 */
export function liveCount(count: Database.Statement<[], { readonly agent: string; readonly live: number }>): LiveCount {
  const agents = new Map<string, number>()
  let all = 0
  const add = (agent: string, by: number): void => {
    all += by
    const live = (agents.get(agent) ?? 0) + by
    if (live === 0) agents.delete(agent)
    else agents.set(agent, live)
  }
  function recount(): void {
    agents.clear()
    all = 0
    for (const { agent, live } of count.all()) add(agent, live)
  }
  recount()
  return {
    recount,
    of: (agent) => (agent === null ? all : (agents.get(agent) ?? 0)),
    moved: (agent, from, to) => {
      add(agent, open(to) - open(from))
    },
  }
}

const open = (state: LeaseState | null): 0 | 1 => (state === 'pending' || state === 'active' ? 1 : 0)
