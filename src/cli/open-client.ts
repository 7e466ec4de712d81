import { createClient, type Client } from '../client/create-client.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { readToken, type TokenPlace } from './read-token.ts'
import type { Terminal } from './terminal.ts'

const DEFAULT_URL = 'http://127.0.0.1:8700'

const TOKEN: TokenPlace = { value: 'MAYFLY_TOKEN', file: 'MAYFLY_TOKEN_FILE', private: 'always' }
const IDENTITY: TokenPlace = {
  value: 'MAYFLY_IDENTITY_TOKEN',
  file: 'MAYFLY_IDENTITY_TOKEN_FILE',
  private: 'as the platform mounts it',
}
/** Variables that a command under a lease must not inherit: they say more than its lease. */
export const TOKEN_VARIABLES = [TOKEN, IDENTITY].flatMap(({ value, file }) => [value, file])

/** The broker at `MAYFLY_URL`, asked without a token. */
export const openClient = (terminal: Terminal): Client => connect(terminal, undefined)

/** Asked with `MAYFLY_TOKEN`; an agent that has only its identity is taken too. */
export const operatorClient = (terminal: Terminal): Promise<Client> => withFirst(terminal, [TOKEN, IDENTITY])

/** Asked with the agent's identity; `MAYFLY_TOKEN` may hold it too, or a lease's token. */
export const agentClient = (terminal: Terminal): Promise<Client> => withFirst(terminal, [IDENTITY, TOKEN])

async function withFirst(terminal: Terminal, places: readonly [TokenPlace, TokenPlace]): Promise<Client> {
  for (const place of places) {
    // Read again before every call: a platform renews the file while a command waits.
    if ((await readToken(terminal, place)) !== undefined)
      return connect(terminal, async () => (await readToken(terminal, place)) ?? '')
  }
  const [{ value, file }] = places
  throw new CommandFailed(EXIT.unauthenticated, {
    cause: 'There is no token to show to the broker.',
    mend: `Set ${value}, or ${file} to a file that holds it.`,
    link: 'docs/problems.md#unauthenticated',
  })
}

function connect(terminal: Terminal, token: (() => Promise<string>) | undefined): Client {
  const given = terminal.env['MAYFLY_URL'] ?? ''
  const url = given === '' ? DEFAULT_URL : given
  const { protocol, hostname } = URL.parse(url) ?? {}
  if (token && protocol === 'http:' && !isLoopback(hostname ?? ''))
    terminal.err('warning: MAYFLY_URL is http to another machine: whoever is in between can read your token.\n')
  try {
    return createClient({ url, ...(token && { token }) })
  } catch (error) {
    // What it says names no part of the address, which may hold a password.
    if (!(error instanceof TypeError)) throw error
    throw new CommandFailed(EXIT.usage, {
      cause: `MAYFLY_URL is not the address of a broker. ${error.message}.`,
      mend: `Write it as ${DEFAULT_URL}.`,
    })
  }
}

const isLoopback = (host: string): boolean => /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(host)
