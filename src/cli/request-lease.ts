import type { LeaseRequest, MintedCredential } from '../client/resources.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { jsonLine } from './json-line.ts'
import { leaseCard } from './lease-card.ts'
import { agentClient } from './open-client.ts'
import { printable } from './printable.ts'
import { readJson } from './read-json.ts'
import type { Terminal } from './terminal.ts'
import { when } from './when.ts'

const MEND = 'Write the body of POST /v1/leases, as openapi.json describes it.'

export interface RequestCommandOptions {
  readonly wait?: true
  readonly idempotencyKey?: string
  readonly json?: true
}

/** `mayfly lease request`: asks, shows the answer with its secrets, and waits for a person only if it is told to. */
export async function requestLease(terminal: Terminal, file: string, options: RequestCommandOptions): Promise<void> {
  // The broker checks every member, and says what does not fit.
  const request = (await readJson(terminal, file, MEND)) as LeaseRequest
  const client = await agentClient(terminal)
  const { idempotencyKey, json, wait } = options
  const asked = { signal: terminal.interrupted, ...(idempotencyKey !== undefined && { idempotencyKey }) }
  if (wait) {
    const onPending = pendingNote(terminal)
    const { lease, token, credentials } = await waitedFor(terminal.interrupted, () =>
      client.obtainLease(request, { ...asked, onPending }),
    )
    terminal.out(
      json ? jsonLine({ ...lease, token, credentials }) : leaseCard(terminal, lease) + secrets(token, credentials),
    )
    return
  }
  const lease = await client.leases.request(request, asked)
  const credentials = lease.credentials.flatMap(({ value, ...rest }) => (value ? [{ ...rest, value }] : []))
  terminal.out(json ? jsonLine(lease) : leaseCard(terminal, lease) + secrets(lease.token, credentials))
  if (lease.replayed) terminal.err('This key was answered before: the secrets were in that answer only.\n')
  if (lease.state === 'pending') {
    throw new CommandFailed(EXIT.pending, {
      cause: `A person has to approve this. An approver runs: mayfly approval review ${lease.approval?.id ?? ''}`,
      mend: 'With --wait, this command waits for the answer and brings the credentials.',
    })
  }
}

/** Says on stderr who has to act, each time an approval opens. */
export const pendingNote =
  (terminal: Terminal) =>
  ({ id, expires_at }: { readonly id: string; readonly expires_at: string }): void =>
    terminal.err(
      `Waiting for a person. It lapses ${when(expires_at)}. An approver runs: mayfly approval review ${id}\n`,
    )

/** A wait for a person that the user breaks off ends as pending, not as broken. The client takes the question back. */
export async function waitedFor<T>(signal: AbortSignal, obtain: () => Promise<T>): Promise<T> {
  try {
    return await obtain()
  } catch (error) {
    if (!(signal.aborted && error === signal.reason)) throw error
    throw new CommandFailed(EXIT.pending, {
      cause: 'The wait was broken off, so the request was taken back.',
      mend: 'Run it again when an approver is there.',
    })
  }
}

function secrets(token: string | undefined, credentials: readonly MintedCredential[]): string {
  const lines = [
    ...(token === undefined ? [] : [`lease token  ${token}`]),
    ...credentials.map(({ grant, value }) => `${printable(grant)}  ${JSON.stringify(value)}`),
  ]
  return lines.length === 0 ? '' : `\nShown this once:\n${lines.join('\n')}\n`
}
