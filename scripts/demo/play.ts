import { constants } from 'node:os'

import { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import { MayflyUnreachable } from '../../src/client/mayfly-unreachable.ts'
import { DemoFailed } from './demo-failed.ts'
import { lastWords } from './start-process.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Plays a story to its end and returns the exit code. An interrupt aborts the signal, so that the story leaves what it
 * is at and cleans up behind it.
 */
export async function play(story: (signal: AbortSignal) => Promise<void>): Promise<number> {
  const interrupt = new AbortController()
  let interruptedBy: NodeJS.Signals | undefined
  const stop = (by: NodeJS.Signals): void => {
    interruptedBy ??= by
    interrupt.abort()
  }
  for (const name of SIGNALS) process.on(name, () => stop(name))
  // Whoever reads our output may stop reading, as `head` does.
  process.stdout.on('error', () => stop('SIGPIPE'))
  try {
    await story(interrupt.signal)
    return 0
  } catch (error) {
    // Asked only now, with everything cleaned up: an interrupt ends the children too, and they may be noticed first.
    if (interruptedBy !== undefined) {
      process.stderr.write('\nStopped. Nothing of the demo is left.\n')
      return 128 + constants.signals[interruptedBy]
    }
    const { cause, mend } = explain(error)
    process.stderr.write(`\nThe demo failed: ${cause}\n${lastWords()}${mend}\n`)
    return 1
  }
}

function explain(error: unknown): { readonly cause: string; readonly mend: string } {
  const mend = 'Run it again. If it fails at the same place, please report it with what stands here.'
  if (error instanceof DemoFailed) return { cause: error.message, mend: error.mend }
  if (error instanceof MayflyProblem)
    return { cause: `the broker refused what it should grant: ${error.message}`, mend }
  if (error instanceof MayflyUnreachable) return { cause: `the broker does not answer: ${error.message}`, mend }
  return { cause: error instanceof Error ? (error.stack ?? error.message) : String(error), mend }
}
