import { isLoopback } from '../core/is-loopback.ts'

/** What matters about a broker that others than this machine can reach. */
export interface Listener {
  readonly host: string
  readonly publicUrl: string | null
  readonly trustedProxies: readonly string[]
  readonly dangerouslyListenWithoutTls: boolean
  readonly sealKeyBesideData: boolean
}

/** What is wrong with such a broker. */
export interface OffLoopbackFault {
  readonly message: string
  readonly mend: string
}

/** Why a broker must not listen there. Asked of the configuration, and again of an address from the command line. */
export function offLoopback(listener: Listener): readonly OffLoopbackFault[] {
  const { host } = listener
  if (isLoopback(host)) return []
  const faults: OffLoopbackFault[] = []
  if (!listener.dangerouslyListenWithoutTls && listener.trustedProxies.length === 0)
    faults.push({
      message: `${host} is not loopback, and this listener has no TLS`,
      mend: 'Listen on 127.0.0.1, or behind a proxy that ends TLS and is named in server.trusted_proxies, or set server.dangerously_listen_without_tls: true.',
    })
  if (listener.publicUrl === null)
    faults.push({
      message: `${host} is not loopback, and server.public_url is missing`,
      mend: 'Write the address that verifiers know the broker by.',
    })
  if (listener.sealKeyBesideData)
    faults.push({
      message: `${host} is not loopback, and the seal key would lie beside the data that it seals`,
      mend: 'Name keys.seal_key_file, or keys.seal_key as an environment reference.',
    })
  return faults
}
