import type { Upstreams } from './real-upstreams.ts'

/* eslint-disable @typescript-eslint/no-explicit-any -- what an agent was given is what is being tested */

/** Whether a database user, a child token or an AWS session can still be used, by using it. */
export async function works({ vault, ministack }: Upstreams, { type, value }: any): Promise<boolean> {
  switch (type) {
    case 'vault-secret': {
      const as = { user: value.data.username, password: value.data.password }
      const session = await vault.postgres.login(as).catch(() => undefined)
      await session?.[Symbol.asyncDispose]()
      return session !== undefined
    }
    case 'vault-token':
      return (await vault.bao.call('GET', 'secret/data/orders', { token: value.token })).status === 200
    case 'aws':
      return (await ministack.s3(value, 'GET', '/orders/1234/note.txt')).status === 200
    default:
      throw new Error(`Nobody knows how to use a ${String(type)}`)
  }
}

/** The grants of a lease whose credentials still work. */
export async function workingOf(upstreams: Upstreams, lease: any): Promise<readonly string[]> {
  const upstream = lease.credentials.filter(({ type }: any) => type !== 'jwt')
  const looked = await Promise.all(
    upstream.map(async (each: any) => ((await works(upstreams, each)) ? each.grant : [])),
  )
  return looked.flat() as string[]
}
