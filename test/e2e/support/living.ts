import type { FaultProxy } from '../../support/backends/fault-proxy.ts'
import type { AccessKey } from '../../support/backends/signed-request.ts'
import { keyIn } from '../../providers/aws-sts/support/aws-account.ts'
import { accessorsOf } from '../../providers/vault/support/vault-world.ts'
import type { Upstreams } from './real-upstreams.ts'

/** The handles of everything that an upstream has alive, told by the upstream and by nobody else. */
export type Living = () => Promise<ReadonlySet<string>>

/** Every token that was made for a credential, and every database user. */
export function livingInVault({ vault: { bao, postgres } }: Upstreams): Living {
  const known = new Map<string, string | null>()
  return async () => {
    const accessors = await accessorsOf(bao)
    const strange = accessors.filter((accessor) => !known.has(accessor))
    for (const accessor of strange) {
      const { body } = await bao.call('POST', 'auth/token/lookup-accessor', { body: { accessor } })
      known.set(accessor, (body?.data?.meta?.credential as string | undefined) ?? null)
    }
    const tokens = accessors.flatMap((accessor) => known.get(accessor) ?? [])
    const { rows } = await postgres.admin("SELECT rolname FROM pg_roles WHERE rolname LIKE '%crd-%'")
    const users = rows.map(({ rolname }) => (/crd-[0-9a-z]{26}/.exec(rolname as string)?.[0] ?? '').replace('-', '_'))
    return new Set([...tokens, ...users])
  }
}

/** The sessions that AWS has answered with, by using each until it is seen to be dead. */
export interface LivingSessions {
  readonly living: Living
  /** Tries those again that were dead: what was denied has to stay so. */
  readonly revived: Living
}

export function livingInAws({ ministack }: Upstreams, proxies: () => readonly FaultProxy[]): LivingSessions {
  const alive = new Map<string, AccessKey>()
  const dead = new Map<string, AccessKey>()
  const read = new Map<FaultProxy, number>()

  function hear(): void {
    for (const proxy of proxies()) {
      for (const { request, answer } of proxy.exchanges.slice(read.get(proxy) ?? 0))
        if (answer?.body.includes('<SessionToken>') === true)
          alive.set(new URLSearchParams(request.body).get('RoleSessionName') ?? '', keyIn(answer.body))
      read.set(proxy, proxy.exchanges.length)
    }
  }
  async function working(sessions: ReadonlyMap<string, AccessKey>): Promise<ReadonlySet<string>> {
    const tried = await Promise.all(
      [...sessions].map(async ([handle, key]) => {
        const { status } = await ministack.s3(key, 'GET', '/orders/1234/note.txt')
        return status === 200 ? [handle] : []
      }),
    )
    return new Set(tried.flat())
  }
  return {
    living: async () => {
      hear()
      const works = await working(alive)
      for (const [handle, key] of alive) {
        if (works.has(handle)) continue
        alive.delete(handle)
        dead.set(handle, key)
      }
      return works
    },
    revived: () => working(dead),
  }
}
