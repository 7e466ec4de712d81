import { setTimeout as wait } from 'node:timers/promises'

const LONGEST_MS = 20_000

/** Waits for a condition of another process, and not a moment longer. `what` says what did not come to be. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + LONGEST_MS
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`It did not come to be: ${what}`)
    await wait(20)
  }
}
