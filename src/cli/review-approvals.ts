import { MayflyProblem } from '../client/mayfly-problem.ts'
import { sayNo, sayYes } from './answer-approval.ts'
import { chosen, written } from './ask.ts'
import { cardOf, outcomeOf, type Shown } from './find-approval.ts'
import { jsonLine } from './json-line.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

const ANSWERS = ['approve', 'deny', 'skip', 'stop'] as const

/** `mayfly approval review`: the card of each, and on a terminal the question. One at a time, each answered by itself. */
export async function reviewApprovals(
  terminal: Terminal,
  all: readonly Shown[],
  { json }: { readonly json: boolean },
): Promise<void> {
  if (all.length === 0) terminal.err('Nothing waits for an answer.\n')
  for (const [at, shown] of all.entries()) {
    if (json) {
      terminal.out(jsonLine(shown.approval))
      continue
    }
    terminal.out((at > 0 ? '\n' : '') + (await cardOf(terminal, shown)))
    if (!terminal.interactive || shown.approval.state !== 'pending') continue
    if ((await ask(terminal, shown)) === 'stop') return
  }
}

async function ask(terminal: Terminal, shown: Shown): Promise<'next' | 'stop'> {
  const said = await chosen(terminal, 'Your answer?', ANSWERS)
  if (said === null || said === 'stop') return 'stop'
  if (said === 'skip') return 'next'
  const reason = said === 'deny' ? await written(terminal, 'Why? The agent reads it.') : ''
  if (reason === null) return 'stop'
  try {
    const answered = said === 'deny' ? await sayNo(terminal, shown, reason) : await sayYes(terminal, shown, {})
    terminal.out(`${await outcomeOf(terminal, { ...shown, approval: answered })}\n`)
  } catch (error) {
    // Somebody else was faster, or it is not yours to answer: the next may be.
    if (!(error instanceof MayflyProblem)) throw error
    terminal.err(`${printable(error.detail)}\n`)
  }
  return 'next'
}
