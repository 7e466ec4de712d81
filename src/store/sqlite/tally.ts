import type { Memory } from './group-commit.ts'

/** Counts by name that every request asks for, or every scrape. */
export interface Tally extends Memory {
  readonly of: (name: string) => number
  readonly all: () => ReadonlyMap<string, number>
  readonly total: () => number
  readonly add: (name: string, by: number) => void
}

/**
 * Counting a million rows each time would be most of a request: so they are counted by `count` at the start and after an
 * outage, and every change is added in between, and taken off again when its step is rolled back.
 */
export function tally(count: () => readonly { readonly name: string; readonly count: number }[]): Tally {
  const counts = new Map<string, number>()
  let total = 0
  let step: (readonly [name: string, by: number])[] = []

  function change(name: string, by: number): void {
    total += by
    const next = (counts.get(name) ?? 0) + by
    if (next === 0) counts.delete(name)
    else counts.set(name, next)
  }

  function reread(): void {
    counts.clear()
    total = 0
    step = []
    for (const each of count()) change(each.name, each.count)
  }
  reread()

  return {
    reread,
    began: () => void (step = []),
    undone: () => {
      for (const [name, by] of step) change(name, -by)
      step = []
    },
    of: (name) => counts.get(name) ?? 0,
    all: () => counts,
    total: () => total,
    add: (name, by) => {
      if (by === 0) return
      change(name, by)
      step.push([name, by])
    },
  }
}
