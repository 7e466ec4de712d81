import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { UpstreamProvider } from '../../src/broker/provider-port.ts'
import type { ScriptedUpstream } from './scripted-upstream.ts'
import { upstreamProvider, type Ask, type Body, type UpstreamTraits } from './upstream-provider.ts'

/** How a broker in another process finds a scripted upstream. Plain JSON. */
export interface UpstreamAddress {
  readonly url: string
  readonly traits: UpstreamTraits
}

export interface UpstreamServer extends UpstreamAddress, AsyncDisposable {}

/**
 * A scripted upstream over HTTP. The truth stays in the process of the test, so that a broker that is killed takes none
 * of it along. An unknown route answers 501; a lost answer is a connection that breaks.
 */
export async function serveUpstream(upstream: ScriptedUpstream): Promise<UpstreamServer> {
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.on('close', () => {
      gone.abort()
    })
    try {
      const { status, body } = await upstream.answer(request.url ?? '', (await json(request)) as Body, gone.signal)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    } catch {
      response.destroy()
    }
  }
  const server = createServer((request, response) => void serve(request, response))
  // A connection that the server gives up while a call is on its way would be an outage that no test has scripted.
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    traits: upstream.traits,
    [Symbol.asyncDispose]: async () => {
      upstream.open()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The provider of a scripted upstream that lives in another process. */
export function remoteUpstream({ url, traits }: UpstreamAddress): UpstreamProvider {
  const ask: Ask = async (path, body, signal) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    })
    return { status: response.status, body: (await response.json()) as Body }
  }
  return upstreamProvider(traits, ask)
}
