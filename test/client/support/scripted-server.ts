import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Something on a free port that is no broker. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly IncomingMessage[]
}

export async function scriptedServer(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<ScriptedServer> {
  const seen: IncomingMessage[] = []
  const server = createServer((req, res) => {
    seen.push(req)
    answer(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
