import { MayflyProblem } from '../client/mayfly-problem.ts'
import { MayflyUnreachable } from '../client/mayfly-unreachable.ts'
import { pause } from '../client/pause.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

interface Repeated {
  readonly everyMs: number
  readonly look: () => Promise<void>
}

/** Looks again and again until the user ends it, which is no error. A broker that is away is said once, and waited for. */
export async function untilInterrupted(terminal: Terminal, { everyMs, look }: Repeated): Promise<void> {
  let away = false
  for (let looked = false; ; looked = true) {
    try {
      await look()
      if (away) terminal.err('The broker is back.\n')
      away = false
    } catch (error) {
      if (terminal.interrupted.aborted) return
      // A first look that fails is a wrong address or token, more likely than a restart.
      if (!looked || !isPassing(error)) throw error
      if (!away) terminal.err(`${printable(error.message)}. Trying again.\n`)
      away = true
    }
    try {
      await pause(everyMs, terminal.interrupted)
    } catch {
      return
    }
  }
}

const isPassing = (error: unknown): error is Error =>
  error instanceof MayflyUnreachable || (error instanceof MayflyProblem && [429, 502, 503, 504].includes(error.status))
