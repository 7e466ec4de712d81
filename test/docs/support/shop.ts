import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** How long the shop may take to find a new key by its name. */
const INDEX_LAG_MS = 5_000

interface Key {
  readonly id: string
  readonly name: string
  readonly key: string
  readonly scopes: readonly string[]
  readonly ends_at: number
  readonly made: number
}

/**
 * The upstream of the example in docs/providers.md: a shop that hands out keys for its orders. A key is found by its name
 * only a while after it was made. Unknown routes answer 501.
 */
export interface Shop extends AsyncDisposable {
  readonly url: string
  readonly now: () => number
  readonly advance: (ms: number) => void
  /** The broker's login, and what it may do. */
  readonly login: string
  readonly rights: Set<string>
  /** What it holds, as somebody who looks past its API sees it. */
  readonly keys: ReadonlyMap<string, Key>
  readonly isAlive: (name: string) => boolean
  /** Every secret that it has ever had. */
  readonly secrets: readonly string[]
}

interface Asked {
  readonly bearer: string
  readonly query: URLSearchParams
  /** What the path names. */
  readonly name: string
  readonly body: { readonly name: string; readonly scopes: readonly string[]; readonly ends_at: number }
}

type Reply = readonly [status: number, body?: object]

const FORBIDDEN: Reply = [403, { code: 'forbidden' }]
const NO_SUCH_KEY: Reply = [404, { code: 'no_such_key' }]

export async function startShop(): Promise<Shop> {
  const keys = new Map<string, Key>()
  const names = new Set<string>()
  const login = `shop-login-${randomBytes(16).toString('hex')}`
  const secrets = [login]
  const rights = new Set(['keys:create', 'keys:delete'])
  let aheadMs = 0
  const now = (): number => Date.now() + aheadMs

  const may =
    (right: string, route: (asked: Asked) => Reply) =>
    (asked: Asked): Reply =>
      asked.bearer !== login ? [401, { code: 'unauthenticated' }] : rights.has(right) ? route(asked) : FORBIDDEN

  const orders =
    (scope: string) =>
    ({ bearer }: Asked) => {
      const key = [...keys.values()].find((each) => each.key === bearer && now() < each.ends_at * 1000)
      if (!key) return [401, { code: 'unauthenticated' }] as const
      return key.scopes.includes(scope) ? ([200, {}] as const) : FORBIDDEN
    }

  const routes: Readonly<Record<string, (asked: Asked) => Reply>> = {
    'POST /keys': may('keys:create', ({ body: { name, scopes, ends_at } }) => {
      if (names.has(name)) return [409, { code: 'name_taken' }]
      const id = randomBytes(8).toString('hex')
      const made = { id, name, scopes, ends_at, key: `shop-key-${randomBytes(16).toString('hex')}`, made: now() }
      names.add(name)
      secrets.push(made.key)
      keys.set(id, made)
      return [201, made]
    }),
    'GET /keys/by-name/*': may('keys:create', ({ name }) => {
      const found = [...keys.values()].find((key) => key.name === name && now() - key.made >= INDEX_LAG_MS)
      return found ? [200, { id: found.id }] : NO_SUCH_KEY
    }),
    'DELETE /keys/*': may('keys:delete', ({ name: id }) => (keys.delete(id) ? [204] : NO_SUCH_KEY)),
    'GET /login': ({ bearer, query }) => {
      if (bearer !== login) return [401, { code: 'unauthenticated' }]
      return (query.get('may') ?? '').split(',').every((right) => rights.has(right)) ? [204] : FORBIDDEN
    },
    'GET /orders': orders('orders:read'),
    'POST /orders': orders('orders:write'),
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://shop.test')
    const [, name = ''] = /^\/keys\/(?:by-name\/)?([^/]+)$/.exec(pathname) ?? []
    const route = routes[`${request.method ?? ''} ${name === '' ? pathname : pathname.replace(name, '*')}`]
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? ''
    const body = (await json(request).catch(() => ({}))) as Asked['body']
    const [status, said] = route?.({ bearer, query, name, body }) ?? [501]
    response.writeHead(status, { 'content-type': 'application/json' }).end(said && JSON.stringify(said))
  }

  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    now,
    advance: (ms) => (aheadMs += ms),
    login,
    rights,
    keys,
    isAlive: (name) => [...keys.values()].some((key) => key.name === name && now() < key.ends_at * 1000),
    secrets,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
