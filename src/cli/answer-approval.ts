import type { Approval, Yes } from '../client/resources.ts'
import { confirmed } from './ask.ts'
import { CommandEnded } from './command-ended.ts'
import { EXIT } from './command-failed.ts'
import { cardOf, findApproval, outcomeOf, type Shown } from './find-approval.ts'
import { jsonLine } from './json-line.ts'
import { printable } from './printable.ts'
import { readJson } from './read-json.ts'
import type { Terminal } from './terminal.ts'

/** Sends a yes to the digest that was shown: if anything else is asked by now, the broker refuses it. */
export function sayYes(terminal: Terminal, { client, approval }: Shown, yes: Omit<Yes, 'digest'>): Promise<Approval> {
  return client.approvals.approve(approval.id, { ...yes, digest: approval.digest }, { signal: terminal.interrupted })
}

export function sayNo(terminal: Terminal, { client, approval }: Shown, reason: string): Promise<Approval> {
  return client.approvals.deny(approval.id, { digest: approval.digest, reason }, { signal: terminal.interrupted })
}

interface AnswerOptions {
  readonly json?: true
  readonly digest?: string
  readonly yes?: true
}

export interface ApproveOptions extends AnswerOptions {
  readonly reason?: string
  readonly ttl?: number
  readonly narrow?: string
}

export interface DenyOptions extends AnswerOptions {
  readonly reason: string
}

/** `mayfly approval approve`. */
export async function approve(terminal: Terminal, given: string, options: ApproveOptions): Promise<void> {
  const { reason, ttl, narrow } = options
  const less = narrow === undefined ? {} : ((await readJson(terminal, narrow, MEND)) as NonNullable<Yes['narrow']>)
  const cut = { ...less, ...(ttl !== undefined && { ttl }) }
  const yes = { ...(reason !== undefined && { reason }), ...(Object.keys(cut).length > 0 && { narrow: cut }) }
  await answer(terminal, await findApproval(terminal, given), {
    ...options,
    question: yes.narrow ? `Approve only ${printable(JSON.stringify(yes.narrow))} of this?` : 'Approve this?',
    send: (shown) => sayYes(terminal, shown, yes),
  })
}

const MEND = 'Write { "access": [...], "tools": [...] }, each as the request has it, or leave one out.'

/** `mayfly approval deny`. */
export async function deny(terminal: Terminal, given: string, options: DenyOptions): Promise<void> {
  const send = (shown: Shown) => sayNo(terminal, shown, options.reason)
  await answer(terminal, await findApproval(terminal, given), { ...options, question: 'Deny this?', send })
}

interface Answer extends AnswerOptions {
  readonly question: string
  readonly send: (shown: Shown) => Promise<Approval>
}

/** Shows what is asked, asks where somebody can answer, and sends the digest of what was shown. */
async function answer(terminal: Terminal, shown: Shown, { question, send, digest, yes, json }: Answer): Promise<void> {
  const { approval } = shown
  if (approval.state === 'pending') {
    terminal.err(await cardOf(terminal, shown))
    if (terminal.interactive && !yes && !(await confirmed(terminal, question))) {
      terminal.err('Nothing was done.\n')
      throw new CommandEnded(EXIT.error)
    }
  }
  const answered = await send({ ...shown, approval: { ...approval, digest: digest ?? approval.digest } })
  terminal.out(json ? jsonLine(answered) : `${await outcomeOf(terminal, { ...shown, approval: answered })}\n`)
}
