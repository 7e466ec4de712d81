import type { Changes } from '../broker/ports.ts'

/** Wakes waiters in this process. Holds nothing for a thing that nobody waits for. */
export function processChanges(): Changes {
  const waiting = new Map<string, Set<() => void>>()
  return {
    announce: (id) => {
      for (const wake of waiting.get(id) ?? []) wake()
    },
    next: (id, ms, signal) =>
      new Promise((resolve) => {
        const others = waiting.get(id) ?? new Set()
        const done = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          others.delete(done)
          if (others.size === 0 && waiting.get(id) === others) waiting.delete(id)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal.addEventListener('abort', done, { once: true })
        waiting.set(id, others.add(done))
        if (signal.aborted) done()
      }),
  }
}
