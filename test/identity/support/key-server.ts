import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answer = (response: ServerResponse) => void

/** A real HTTP server on loopback with scripted answers. A path without one is 501, so that no test hits it unnoticed. */
export interface KeyServer extends AsyncDisposable {
  readonly url: string
  readonly answers: Map<string, Answer>
  hits(path?: string): number
}

export async function startKeyServer(): Promise<KeyServer> {
  const answers = new Map<string, Answer>()
  const hits: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    hits.push(path)
    const answer = answers.get(path)
    if (answer) answer(response)
    else response.writeHead(501).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    answers,
    hits: (path) => hits.filter((each) => path === undefined || each === path).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const json =
  (body: unknown, status = 200): Answer =>
  (response) => {
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body))
  }

export const redirect =
  (to: string, status = 302): Answer =>
  (response) => {
    response.writeHead(status, { location: to }).end()
  }

/** A body of exactly these bytes, as they are. */
export const bytes =
  (body: Uint8Array, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body)
  }

/** Takes the request and says nothing until the test does. */
export function held(): { readonly answer: Answer; readonly waiting: readonly ServerResponse[] } {
  const waiting: ServerResponse[] = []
  return { answer: (response) => void waiting.push(response), waiting }
}

/** Discovery and keys of an OpenID issuer at the server's own address. */
export function publish(server: KeyServer, keys: readonly object[]): void {
  server.answers.set('/.well-known/openid-configuration', json({ issuer: server.url, jwks_uri: `${server.url}/jwks` }))
  server.answers.set('/jwks', json({ keys }))
}
