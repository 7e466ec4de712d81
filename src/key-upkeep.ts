import { BROKER } from './broker/audit-entries.ts'
import type { Clock, Policy } from './broker/ports.ts'
import type { Store } from './broker/store-port.ts'
import type { KeyRing } from './store/keys/open-key-ring.ts'

interface Parts {
  readonly ring: KeyRing
  readonly store: Store
  readonly clock: Clock
  readonly log: { readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void }
}

/** Makes the signing keys that the grants want or that are due, retires those that nobody needs, and records both. */
export function keyUpkeep({ ring, store, clock, log }: Parts) {
  return async ({ grants }: Policy['catalogue']): Promise<void> => {
    const changes = await ring.maintain(
      [...grants.values()].flatMap((grant) => (grant.type === 'jwt' ? [grant.algorithm] : [])),
    )
    if (changes.length === 0) return
    await store.commit((tx) => {
      for (const { change, kid, use, algorithm } of changes) {
        const subject = { id: kid, outcome: change, reason: `${use} ${algorithm}` }
        tx.append({ kind: change === 'created' ? 'key.created' : 'key.retired', time: clock(), actor: BROKER, subject })
      }
    })
    for (const { change, kid, use, algorithm } of changes)
      log.info({ kid, use, algorithm }, `a signing key was ${change}`)
  }
}
