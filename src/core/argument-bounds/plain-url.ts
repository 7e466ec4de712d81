import { err, ok, type Result } from '../result.ts'
import { parseHost } from './host-name.ts'
import { detourIn } from './path-text.ts'

type Scheme = 'http' | 'https'

export const DEFAULT_PORTS: Readonly<Record<Scheme, string>> = { http: '80', https: '443' }

/** An http(s) URL that leaves no room for two readings of where it leads. */
export interface PlainUrl {
  readonly scheme: Scheme
  /** In its one form. */
  readonly host: string
  /** As it is written; null: the scheme's own. */
  readonly port: string | null
  readonly path: string
  /** Query and fragment, each with its mark. */
  readonly behindPath: string
  /** Why the path, as it is written, could be read as another one. */
  readonly detour: string | undefined
}

const PARTS = /^(https?):\/\/(\[[^\]/?#]*\]|[^:/?#]*)(?::([^/?#]*))?((?:[/?#][^]*)?)$/i
const PORT = /^[1-9][0-9]{0,4}$/
/** What parsers drop, trim, fold or take for a slash: `https://good\@evil/` is two hosts to two parsers. */
const READ_TWO_WAYS = /[\\\p{Cc}\p{Cf}\p{Z}]/u

/** The URL, if it is one that any two parsers read alike: this reading of it and WHATWG's must agree. */
export function parsePlainUrl(text: string): Result<PlainUrl, string> {
  if (READ_TWO_WAYS.test(text)) return err('holds a backslash, a blank or a control character')
  const match = PARTS.exec(text)
  if (!match) return err('is not an http(s) URL')
  const [, schemeText = '', hostText = '', port = null, rest = ''] = match
  // Behind `?` or `#` without a slash some parsers still look for user information.
  if (hostText.includes('@') || port?.includes('@') || (!rest.startsWith('/') && rest.includes('@')))
    return err('holds user information')
  if (port !== null && !PORT.test(port)) return err('has a port in an odd spelling')
  const host = parseHost(hostText)
  if (!host.ok) return err(`has a host that ${host.error}`)
  const url = URL.parse(text)
  const scheme = schemeText.toLowerCase() === 'https' ? 'https' : 'http'
  if (url?.hostname !== host.value || url.protocol !== `${scheme}:`) return err('is read in two ways by URL parsers')
  const detour = detourIn(/^[^?#]*/.exec(rest)?.[0] ?? '')
  return ok({ scheme, host: host.value, port, path: url.pathname, behindPath: url.search + url.hash, detour })
}

/** Scheme, host and port of a URL, always with the port: as if it had this scheme. */
export const originOf = ({ host, port }: PlainUrl, scheme: Scheme): string =>
  `${scheme}://${host}:${port ?? DEFAULT_PORTS[scheme]}`
