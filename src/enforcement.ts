import { enforcePolicy } from './broker/enforce-policy.ts'
import type { Broker, Policy } from './broker/ports.ts'

/**
 * Holds the open leases against the configuration in force, one walk at a time for each: asking during a walk waits for
 * that one. `finished` is told each time that every lease has been looked at. Resolves to how many leases were closed.
 */
export function enforcement(broker: Broker, finished: () => void): () => Promise<number> {
  let running: { readonly policy: Policy; readonly walk: Promise<number> } | undefined

  async function walk(policy: Policy): Promise<number> {
    try {
      const closed = await enforcePolicy(broker, policy)
      // One that was overtaken by a later configuration leaves the rest to the walk of that.
      if (broker.policy() === policy) finished()
      return closed
    } finally {
      if (running?.policy === policy) running = undefined
    }
  }

  return () => {
    const policy = broker.policy()
    // Set before the walk begins: one that has nothing to do ends at once.
    if (running?.policy !== policy) running = { policy, walk: Promise.resolve().then(() => walk(policy)) }
    return running.walk
  }
}
