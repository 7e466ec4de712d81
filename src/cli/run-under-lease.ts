import type { Client } from '../client/create-client.ts'
import { MayflyProblem } from '../client/mayfly-problem.ts'
import type { ObtainedLease } from '../client/obtain-lease.ts'
import { pause } from '../client/pause.ts'
import type { LeaseRequest } from '../client/resources.ts'
import { CommandEnded } from './command-ended.ts'
import { makeLeaseFolder } from './lease-folder.ts'
import { TOKEN_VARIABLES } from './open-client.ts'
import { printable } from './printable.ts'
import { pendingNote, waitedFor } from './request-lease.ts'
import { runChild, type Ended } from './run-child.ts'
import { stopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'

interface Run {
  readonly client: Client
  readonly request: LeaseRequest
  readonly command: string
  readonly args: readonly string[]
}

const RETRIES_MS = [500, 1500]

/** `mayfly run`: a lease, a command that finds it in files, and however that ends, the lease is completed. Ends as the command did. */
export async function runUnderLease(terminal: Terminal, run: Run): Promise<never> {
  const { client, request, command } = run
  using stop = stopSignals()
  const signal = AbortSignal.any([terminal.interrupted, stop.signal])
  const obtained = await waitedFor(signal, () =>
    client.obtainLease(request, { signal, onPending: pendingNote(terminal) }),
  )
  let ended: Ended = { exitCode: 1, how: 'was not started', started: false }
  try {
    await using folder = await makeLeaseFolder(obtained)
    // Nobody has handed on what came before there was a child.
    if (!signal.aborted) ended = await runChild(childOf(terminal, run, folder.variables))
  } finally {
    await complete(terminal, client, obtained, ended)
  }
  if (!ended.started)
    terminal.err(`${printable(command)} ${ended.how}.\nCheck that it is there, and that you may execute it.\n`)
  throw new CommandEnded(ended.exitCode)
}

function childOf(
  terminal: Terminal,
  { client, command, args }: Run,
  variables: Readonly<Record<string, string>>,
): Parameters<typeof runChild>[0] {
  const inherited = Object.entries(terminal.env).filter(([name]) => !TOKEN_VARIABLES.includes(name))
  return {
    command,
    args,
    cwd: terminal.cwd,
    env: { ...Object.fromEntries(inherited), MAYFLY_URL: client.url, ...variables },
    sentByTerminal: terminal.interactive ? ['SIGINT', 'SIGQUIT'] : [],
  }
}

/** The command has ended, and nothing that the broker says changes how. What is left open lapses with the lease. */
async function complete(
  terminal: Terminal,
  client: Client,
  { lease, token }: ObtainedLease,
  { exitCode, how }: Ended,
): Promise<void> {
  const { leases } = client.withToken(token)
  const completion = { outcome: exitCode === 0 ? 'success' : 'failure', summary: `The command ${how}` } as const
  for (const retryMs of [...RETRIES_MS, null]) {
    try {
      await leases.complete(lease.id, completion)
      return
    } catch (error) {
      if (error instanceof MayflyProblem && error.slug === 'conflict') {
        terminal.err(`The lease had ended before the command did. ${printable(error.detail)}\n`)
        return
      }
      const mayPass = !(error instanceof MayflyProblem) || error.status >= 500
      if (mayPass && retryMs !== null) {
        await pause(retryMs)
        continue
      }
      const why = printable(error instanceof Error ? error.message : String(error))
      terminal.err(`The lease ${lease.id} was not completed: ${why}. It ends by itself at ${lease.expires_at}.\n`)
      return
    }
  }
}
