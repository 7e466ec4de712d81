import type { HistoryFacts } from './facts.ts'

/** How many of the last tools are remembered. */
const LAST = 10

/** What the leases of a tree have met together. */
export type TreeHistory = Pick<HistoryFacts, 'labels' | 'calls' | 'last'>

/** What one lease has used. */
export interface LeaseUse {
  readonly allowed: number
  readonly denied: number
  readonly asked: number
  readonly denialsInRow: number
  /** Allowed calls by tool, of it and of its descendants. */
  readonly byTool: Readonly<Record<string, number>>
  /** Of a root; empty below it. */
  readonly history: TreeHistory
}

export const UNUSED: LeaseUse = {
  allowed: 0,
  denied: 0,
  asked: 0,
  denialsInRow: 0,
  byTool: {},
  history: { labels: [], calls: {}, last: [] },
}

export const callsOf = (byTool: LeaseUse['byTool'], tool: string): number =>
  Object.hasOwn(byTool, tool) ? (byTool[tool] ?? 0) : 0

const oneMore = (byTool: LeaseUse['byTool'], tool: string): LeaseUse['byTool'] => ({
  ...byTool,
  [tool]: callsOf(byTool, tool) + 1,
})

/** One more allowed call. */
export const countAllowed = (use: LeaseUse, tool: string): LeaseUse => ({
  ...use,
  allowed: use.allowed + 1,
  denialsInRow: 0,
  byTool: oneMore(use.byTool, tool),
})

export const countDenied = (use: LeaseUse): LeaseUse => ({
  ...use,
  denied: use.denied + 1,
  denialsInRow: use.denialsInRow + 1,
})

export const countAsked = (use: LeaseUse): LeaseUse => ({ ...use, asked: use.asked + 1 })

/** Labels join and never leave; a call is remembered by the name of its tool. */
export function joined(
  history: TreeHistory,
  met: { readonly labels: readonly string[]; readonly tool: string | null },
): TreeHistory {
  const labels = [...new Set([...history.labels, ...met.labels])]
  if (met.tool === null) return labels.length === history.labels.length ? history : { ...history, labels }
  return { labels, calls: oneMore(history.calls, met.tool), last: [met.tool, ...history.last].slice(0, LAST) }
}
