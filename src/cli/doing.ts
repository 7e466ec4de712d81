import { failureOf } from './failure-of.ts'
import type { Terminal } from './terminal.ts'

/** What a command does, with everything that the broker refuses told as cause, mend and link. */
export function doing<Args extends readonly unknown[]>(terminal: Terminal, work: (...args: Args) => Promise<void>) {
  return async (...args: Args): Promise<void> => {
    try {
      await work(...args)
    } catch (error) {
      throw failureOf(error, terminal)
    }
  }
}
