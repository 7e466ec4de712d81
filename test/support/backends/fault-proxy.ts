import { createServer, request as send, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** What goes wrong with a request on its way to the upstream, or with the answer on its way back. */
export type Fault =
  /** The upstream never sees it: the connection is reset. */
  | { readonly kind: 'cut-request' }
  /** The upstream does what was asked, and the answer is lost. */
  | { readonly kind: 'cut-answer' }
  /** The upstream does what was asked, and the answer breaks off in the middle. */
  | { readonly kind: 'half-answer' }
  /** The upstream never sees it, and nobody says so. */
  | { readonly kind: 'black-hole' }
  /** The upstream does what was asked, and nobody says so. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The proxy answers in the upstream's place. */
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly headers?: IncomingHttpHeaders }

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A request that reached the proxy, and what the upstream said to it: null where it was not asked or not heard. */
export interface Exchange {
  readonly request: SeenRequest
  answer: { readonly status: number; readonly body: string } | null
}

/** Stands in front of an upstream that speaks plain HTTP, hands everything on unchanged, and fails on demand. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  /** Everything that came, in order. */
  readonly exchanges: readonly Exchange[]
  /** From now until it is disposed, requests that match meet the fault. Of several, the one injected last wins. */
  inject(fault: Fault, matches?: (request: SeenRequest) => boolean): Disposable
}

export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const exchanges: Exchange[] = []
  const injected = new Set<{ readonly fault: Fault; readonly matches: (request: SeenRequest) => boolean }>()

  const server = createServer((incoming, outgoing) => {
    const serve = async (): Promise<void> => {
      const request = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: (await bytesOf(incoming)).toString(),
      }
      const exchange: Exchange = { request, answer: null }
      exchanges.push(exchange)
      const fault = [...injected].findLast(({ matches }) => matches(request))?.fault
      if (fault?.kind === 'cut-request') return void incoming.socket.resetAndDestroy()
      if (fault?.kind === 'black-hole') return
      if (fault?.kind === 'answer') {
        outgoing.writeHead(fault.status, fault.headers ?? { 'content-type': 'application/json' }).end(fault.body)
        return
      }
      if (fault?.kind === 'delay') await wait(fault.ms, undefined, { ref: false })
      const { status, headers, body } = await forward(upstream, request)
      exchange.answer = { status, body: body.toString() }
      if (fault?.kind === 'hang') return
      if (fault?.kind === 'cut-answer') return void incoming.socket.resetAndDestroy()
      outgoing.writeHead(status, headers)
      if (fault?.kind !== 'half-answer') return void outgoing.end(body)
      outgoing.write(body.subarray(0, Math.ceil(body.length / 2)), () => incoming.socket.destroy())
    }
    // An upstream that is not there looks the same from in front of the proxy as from behind it.
    serve().catch(() => incoming.socket.resetAndDestroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    inject(fault, matches = () => true) {
      const entry = { fault, matches }
      injected.add(entry)
      return { [Symbol.dispose]: () => void injected.delete(entry) }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Forwarded {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** The path goes out as it came, not normalised, and the host header too: a signature may cover it. */
async function forward(upstream: string, { method, path, headers, body }: SeenRequest): Promise<Forwarded> {
  const { hostname: host, port } = new URL(upstream)
  const outgoing = send({ host, port, path, method, headers, agent: false })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const kept = Object.entries(answer.headers).filter(([name]) => name !== 'transfer-encoding')
  return { status: answer.statusCode ?? 0, headers: Object.fromEntries(kept), body: await bytesOf(answer) }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
