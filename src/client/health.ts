import { MayflyUnreachable } from './mayfly-unreachable.ts'
import type { CallOptions, Transport } from './transport.ts'

interface Readiness {
  readonly ready: boolean
  /** Why it cannot grant now; empty when it can. */
  readonly reasons: readonly string[]
}

/** Open to everyone: no token is looked at. */
export interface Health {
  /** Rejects unless the process answers. */
  readonly live: (options?: CallOptions) => Promise<{ readonly alive: true }>
  readonly ready: (options?: CallOptions) => Promise<Readiness>
}

export function healthOf(transport: Transport): Health {
  return {
    live: (options) => transport.json({ method: 'GET', path: '/livez' }, options),
    ready: async (options) => {
      const call = { method: 'GET', path: '/readyz', accept: [503] } as const
      const { ready, reasons } = await transport.json<Partial<Readiness>>(call, options)
      // 503 is what a proxy in front of no broker says too.
      if (ready === undefined || reasons === undefined) throw new MayflyUnreachable('not-mayfly', transport.url)
      return { ready, reasons }
    },
  }
}
