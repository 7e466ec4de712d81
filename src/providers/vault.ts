import { readFile } from 'node:fs/promises'
import type { UpstreamProvider } from '../broker/provider-port.ts'
import { SECOND_MS } from '../core/time.ts'
import { checkVault } from './vault/check.ts'
import { cutOffAt } from './vault/cut-off.ts'
import { refuseSettings } from './vault/refuse-settings.ts'
import { mint } from './vault/mint.ts'
import { createOwnToken } from './vault/own-token.ts'
import { createParents } from './vault/parents.ts'
import { planOf } from './vault/plan.ts'
import { revoke } from './vault/revoke.ts'
import { VAULT_TIMINGS, type VaultParts, type VaultSettings } from './vault/settings.ts'
import { createTransport } from './vault/transport.ts'

export type VaultProvider = UpstreamProvider & Required<Pick<UpstreamProvider, 'cutOff'>>

/** So long a Vault that failed is left alone by what can wait: revocations ask often enough whether it is back. */
const REST_MS = 30 * SECOND_MS

/**
 * HashiCorp Vault and OpenBao. A dynamic secret is narrowed to the task by its role, a child token by its policies; both
 * end by themselves with the lease, and are taken back at once (`sys/leases/revoke` with `sync`, `revoke-accessor`), STS
 * sessions at their end only. The handle is the credential's id, which Vault shows as the display name; what a
 * revocation needs, the accessor and the lease id, is recorded before the credential outlives its birth TTL. Throws where
 * the settings or the environment are not safe to start with.
 */
export function createVaultProvider(settings: VaultSettings, parts: VaultParts): VaultProvider {
  const { clock, recorded, lately = () => Promise.resolve([]), timings = VAULT_TIMINGS } = parts
  const unsafe = refuseSettings(settings, parts.env)
  if (unsafe) throw new Error(`Vault provider ${settings.name}: ${unsafe.detail}. ${unsafe.mend}`)

  const { address, namespace, caFile } = settings
  const ca = async (): Promise<string | null> => (caFile === null ? null : await readFile(caFile, 'utf8'))
  const transport = createTransport({ address, namespace, ca, callMs: timings.callMs })
  // No namespace has a health of its own.
  const serverOnly = createTransport({ address, namespace: null, ca, callMs: timings.callMs })
  const own = createOwnToken({ auth: settings.auth, transport, clock, timings })
  const parents = createParents({ own, role: settings.parentRole, clock, recorded, lately, timings })
  let restsUntil = 0
  const minting = { settings, transport, own, parents, clock, timings }

  return {
    name: settings.name,
    kind: 'upstream',
    timeoutMs: timings.mintMs,
    // A token exists, or does not, from the moment Vault has answered.
    consistencyMs: 0,
    plan: (order) => planOf({ address, namespace, timings }, order),
    mint: (order, plan, record, signal) => mint(minting, order, plan, record, signal),
    revoke: (what, signal) => revoke({ own, clock, timings }, what, signal),
    check: (signal) => checkVault({ settings, parts, serverOnly, own }, signal),
    async upkeep(signal) {
      const left = restsUntil - clock()
      if (left > 0 && left <= REST_MS) return
      try {
        await own.upkeep(signal)
        await parents.upkeep(signal)
      } catch (error) {
        restsUntil = clock() + REST_MS
        throw error
      }
    },
    cutOff: async (_before, signal) => cutOffAt(settings, parts.grants(), await parents.endAll(signal)),
  }
}
