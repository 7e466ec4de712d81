import { isLoopback } from '../core/is-loopback.ts'

/**
 * Whether keys may be fetched from this address: https, or plain http on this machine only, and no userinfo. Whoever sits
 * on the way of a plain fetch could swap the keys, and with them every identity.
 */
export function mayFetch(address: string): boolean {
  const url = URL.parse(address)
  if (!url || url.username !== '' || url.password !== '') return false
  // The URL parser has already folded `127.1`, `0x7f.1` and the like into four decimal numbers.
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
