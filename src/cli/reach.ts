import type { Client } from '../client/create-client.ts'
import type { LeaseQuery } from '../client/resources.ts'
import { counted } from './counted.ts'
import type { Terminal } from './terminal.ts'

/** Who has more than that knows it: counting on would take longer than the answer is worth. */
const MOST_COUNTED = 2000

/** `3 leases, 7 credentials, 2 agents`: the open leases that a stop would hit, and what is alive of them. */
export async function reach(terminal: Terminal, client: Client, query: LeaseQuery): Promise<string> {
  let [leases, credentials] = [0, 0]
  const agents = new Set<string>()
  for (const state of ['active', 'pending'] as const) {
    const open = client.leases.follow({ ...query, state, limit: 200 }, { signal: terminal.interrupted })
    for await (const lease of open) {
      leases += 1
      credentials += lease.credentials.filter((credential) => credential.state !== 'closed').length
      agents.add(lease.agent)
      if (leases >= MOST_COUNTED) return `at least ${counted(leases, 'lease')}`
    }
  }
  return [counted(leases, 'lease'), counted(credentials, 'credential'), counted(agents.size, 'agent')].join(', ')
}
