import { LeaseUnusable } from '../client/lease-unusable.ts'
import { MayflyProblem, type ProblemSlug } from '../client/mayfly-problem.ts'
import { MayflyUnreachable } from '../client/mayfly-unreachable.ts'
import { CommandEnded, INTERRUPTED } from './command-ended.ts'
import { CommandFailed, EXIT, type ExitCode } from './command-failed.ts'
import { printable } from './printable.ts'
import { stopsOf } from './stops-of.ts'
import type { Terminal } from './terminal.ts'

interface Told {
  readonly exit: ExitCode
  readonly mend: string
}

/** Every refusal of the broker: how the command ends, and what to do about it. A new one does not compile until it stands here. */
export const PROBLEMS: Readonly<Record<ProblemSlug, Told>> = {
  'invalid-request': { exit: EXIT.usage, mend: 'Mend what is named above, then run it again.' },
  unauthenticated: {
    exit: EXIT.unauthenticated,
    mend: 'Set MAYFLY_TOKEN (an agent: MAYFLY_IDENTITY_TOKEN) to a whole token that is still good.',
  },
  'unknown-agent': { exit: EXIT.denied, mend: 'Have an operator add this identity to exactly one agent.' },
  denied: { exit: EXIT.denied, mend: 'Ask for less: fewer grants, narrower access, a person nearer the loop.' },
  'not-granted': { exit: EXIT.denied, mend: 'Operators see what it may ask for with `mayfly agent show`.' },
  forbidden: { exit: EXIT.denied, mend: 'Use a token that may do this, or ask a colleague who has one.' },
  'not-found': { exit: EXIT.notFound, mend: 'Check the id, and the token that you show with it.' },
  'method-not-allowed': {
    exit: EXIT.error,
    mend: 'Check that MAYFLY_URL is the broker, and that it is as new as this command.',
  },
  conflict: { exit: EXIT.conflict, mend: 'Look at it again, then decide anew.' },
  gone: { exit: EXIT.conflict, mend: 'Have the agent ask again.' },
  'payload-too-large': { exit: EXIT.usage, mend: 'Send less: a request describes a task, it does not carry its data.' },
  'idempotency-mismatch': { exit: EXIT.conflict, mend: 'Use a new key for a new request.' },
  'quota-exceeded': { exit: EXIT.later, mend: 'Complete what is open, then try again.' },
  'rate-limited': { exit: EXIT.later, mend: 'Try again a little later.' },
  frozen: {
    exit: EXIT.frozen,
    mend: 'Nothing is lost: ask again once an operator has lifted the freeze.',
  },
  internal: {
    exit: EXIT.error,
    mend: 'Give an operator the request id: the log of the broker has the cause under it.',
  },
  'provider-unavailable': { exit: EXIT.upstream, mend: 'Try again later. The log of the broker has the cause.' },
  unavailable: { exit: EXIT.later, mend: 'Try again in a moment. `mayfly health` says what is missing.' },
}

/** For answers that no broker of this version gives: a newer one, or something in between. */
const BY_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage,
  401: EXIT.unauthenticated,
  403: EXIT.denied,
  404: EXIT.notFound,
  409: EXIT.conflict,
  410: EXIT.conflict,
  422: EXIT.conflict,
  429: EXIT.later,
  502: EXIT.upstream,
  503: EXIT.later,
}

/** What went wrong, as a command says it. Bugs are passed on as they are. */
export function failureOf(error: unknown, terminal: Terminal): unknown {
  if (terminal.interrupted.aborted && error === terminal.interrupted.reason) return new CommandEnded(INTERRUPTED)
  if (error instanceof MayflyProblem) return refused(error)
  if (error instanceof MayflyUnreachable) return unreachable(error)
  return error instanceof LeaseUnusable ? unusable(error) : error
}

function refused(problem: MayflyProblem): CommandFailed {
  const { slug, status, hint } = problem
  const known = isKnown(slug) ? PROBLEMS[slug] : undefined
  const mend = hint ?? known?.mend ?? 'Check that MAYFLY_URL is the broker, and that it is as new as this command.'
  return new CommandFailed(known?.exit ?? BY_STATUS[status] ?? EXIT.error, {
    cause: causeOf(problem),
    mend: printable(problem.retryAfter === null ? mend : `${mend} The broker says: in ${problem.retryAfter} s.`),
    ...(known && { link: `docs/problems.md#${String(slug)}` }),
  })
}

const isKnown = (slug: string | null): slug is ProblemSlug => slug !== null && Object.hasOwn(PROBLEMS, slug)

/** The detail; then a line for each place that does not fit, and for each rule that stood in the way. */
function causeOf({ detail, errors, decision, agents, status, requestId }: MayflyProblem): string {
  // The detail names the first of them already.
  const rules = (decision ? stopsOf(decision) : []).filter(({ reason }) => !detail.includes(reason))
  const lines = [
    status >= 500 && requestId !== null ? `${detail} (request ${requestId})` : detail,
    ...errors.map(({ path, message }) => `  ${path === '' ? 'it' : path} ${message}`),
    ...agents.map((agent) => `  agent ${agent}`),
    ...rules.map(({ id, effect, reason }) => `  ${id} (${effect}): ${reason}`),
    ...(decision ? [`  risk ${decision.risk.score}, tier ${decision.risk.tier}`] : []),
  ]
  return lines.map(printable).join('\n')
}

function unreachable(error: MayflyUnreachable): CommandFailed {
  const cause = printable(`${error.message}.`)
  if (error.reason === 'not-mayfly')
    return new CommandFailed(EXIT.error, { cause, mend: 'Set MAYFLY_URL to the address of the broker.' })
  return new CommandFailed(EXIT.later, { cause, mend: 'Start the broker, or set MAYFLY_URL to where it listens.' })
}

/** The request went well, and then came a no, or nothing. */
function unusable({ message, lease }: LeaseUnusable): CommandFailed {
  const cause = printable(message)
  switch (lease.outcome) {
    case 'denied':
      return new CommandFailed(EXIT.denied, { cause, mend: PROBLEMS.denied.mend, link: 'docs/problems.md#denied' })
    case 'expired':
      return new CommandFailed(EXIT.pending, {
        cause: 'Nobody answered in time: the approval has lapsed.',
        mend: 'Tell an approver, then run it again: `mayfly approval review` shows what is asked.',
      })
    case null:
    case 'completed':
    case 'failed':
    case 'revoked':
    case 'lost':
    case 'cancelled':
    case 'cascaded':
    case 'not_minted':
      return new CommandFailed(EXIT.conflict, { cause, mend: 'Ask for a new lease.' })
  }
}
