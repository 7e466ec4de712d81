import { isLoopback } from '../core/is-loopback.ts'
import { addressOf } from './address-of.ts'
import { offLoopback } from './off-loopback.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

/**
 * Where the broker listens, what it is called, and which key seals its own. Of keys with faults of their own nobody knows
 * where they were to lie.
 */
export function checkServer({ server, keys, store }: ConfigurationFile, keysAreWhole: boolean, say: Say): void {
  const { public_url: publicUrl } = server
  const faults = offLoopback({
    host: addressOf(server.listen).host,
    publicUrl: publicUrl ?? null,
    trustedProxies: server.trusted_proxies,
    dangerouslyListenWithoutTls: server.dangerously_listen_without_tls,
    sealKeyBesideData: keysAreWhole && keys.seal_key === undefined && keys.seal_key_file === undefined,
  })
  for (const { message, mend } of faults) say(['server', 'listen'], message, mend)
  if (publicUrl?.startsWith('http:') === true && !isLoopback(new URL(publicUrl).hostname))
    say(['server', 'public_url'], 'server.public_url is http:', 'Write its https: address.')
  if (keys.seal_key !== undefined && keys.seal_key_file !== undefined)
    say(['keys', 'seal_key'], 'keys names two seal keys', 'Keep one of seal_key_file and seal_key.')
  if (store.type === 'postgres') say(['store', 'type'], 'store.type postgres is not built yet', 'Write sqlite.')
}
