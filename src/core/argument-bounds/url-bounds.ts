import { err, ok, type Result } from '../result.ts'
import { isNot, textsOf, UNREADABLE, type Check } from './check.ts'
import { hostAndAbove, parseHost } from './host-name.ts'
import { DEFAULT_PORTS, originOf, parsePlainUrl, type PlainUrl } from './plain-url.ts'

/** A host, and the port that its bound names; null: the scheme's own. */
interface HostBound {
  readonly host: string
  readonly port: string | null
}

/** A bound on hosts: a name, an IPv4 address or an IPv6 address in brackets, each with `:port` if need be. */
export function parseHostBound(text: string): Result<HostBound, string> {
  const [, hostText = '', port = null] = /^(\[[^\]]*\]|[^:]*)(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? []
  const host = parseHost(hostText)
  return host.ok ? ok({ host: host.value, port }) : err(host.error)
}

/** The URL's host is one of these or a subdomain of it by whole labels, at the port that is named or the scheme's own. */
export const host: Check = (bound, value) => {
  if (typeof value !== 'string') return isNot('text', value)
  const bounds = textsOf(bound)?.flatMap((text) => {
    const parsed = parseHostBound(text)
    return parsed.ok ? [parsed.value] : []
  })
  if (!bounds || bounds.length === 0) return UNREADABLE
  const url = parsePlainUrl(value)
  if (!url.ok) return url.error
  const { scheme, port } = url.value
  const above = hostAndAbove(url.value.host)
  const inside = bounds.filter((outer) => above.includes(outer.host))
  if (inside.length === 0) return `has the host ${url.value.host}`
  const reached = port ?? DEFAULT_PORTS[scheme]
  return inside.some((outer) => (outer.port ?? DEFAULT_PORTS[scheme]) === reached)
    ? undefined
    : `has the port ${reached}`
}

/** A URL whose path, too, leaves no room for two readings. */
export function parseUrlPrefix(text: string): Result<PlainUrl, string> {
  const url = parsePlainUrl(text)
  return url.ok && url.value.detour !== undefined ? err(`has a path that ${url.value.detour}`) : url
}

/**
 * The URL begins with one of these: the same scheme, host and port, and a path below by whole segments. A bound with a
 * query or fragment is compared to its last character.
 */
export const urlPrefix: Check = (bound, value) => {
  if (typeof value !== 'string') return isNot('text', value)
  const prefixes = textsOf(bound)?.flatMap((text) => {
    const parsed = parseUrlPrefix(text)
    return parsed.ok ? [parsed.value] : []
  })
  if (!prefixes || prefixes.length === 0) return UNREADABLE
  const url = parseUrlPrefix(value)
  if (!url.ok) return url.error
  const { scheme, path, behindPath } = url.value
  const origin = originOf(url.value, scheme)
  const inside = prefixes.some((outer) => {
    if (originOf(outer, outer.scheme) !== origin) return false
    if (outer.behindPath !== '') return outer.path === path && behindPath.startsWith(outer.behindPath)
    return path === outer.path || path.startsWith(outer.path.endsWith('/') ? outer.path : `${outer.path}/`)
  })
  return inside ? undefined : 'does not begin with that'
}
