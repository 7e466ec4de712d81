/**
 * Readers of URLs as they are found in the wild, none of them WHATWG's: each takes a text and says the host that it would
 * open, in lower case and without port, or nothing.
 */
type Reader = (text: string) => string | undefined

/** The address that C's `inet_aton` makes of one to four numbers, decimal, octal or hexadecimal. */
function inetAton(host: string): string {
  const parts = host.split('.')
  if (parts.length > 4 || !parts.every((part) => /^(?:0x[0-9a-f]+|[0-9]+)$/.test(part))) return host
  const numbers = parts.map((part) => (/^0[0-7]+$/.test(part) ? parseInt(part, 8) : Number(part)))
  const last = numbers.pop() ?? 0
  const all = numbers.reduce((sum, part, at) => sum + part * 256 ** (3 - at), last)
  return [24, 16, 8, 0].map((shift) => Math.floor(all / 2 ** shift) % 256).join('.')
}

const unported = (authority: string): string =>
  authority.startsWith('[') ? (/^\[[^\]]*\]/.exec(authority)?.[0] ?? authority) : (authority.split(':')[0] ?? '')
const bare = (host: string): string => inetAton(host.toLowerCase().replace(/\.$/, ''))
const unescaped = (text: string): string =>
  text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))

/** RFC 3986, appendix B, and what stands behind the last @. */
const generic: Reader = (text) => {
  const [, authority] = /^[^:/?#]+:\/\/([^/?#]*)/.exec(text) ?? []
  return authority === undefined ? undefined : bare(unported(authority.slice(authority.lastIndexOf('@') + 1)))
}

const READERS: Readonly<Record<string, Reader>> = {
  generic,
  /** Takes everything up to a slash for the authority, as curl and Java once did. */
  untilSlash: (text) => {
    const [, authority] = /^[a-z]+:\/\/([^/]*)/i.exec(text) ?? []
    if (authority === undefined) return undefined
    const behind = authority.slice(authority.lastIndexOf('@') + 1)
    return bare(unported(behind.split(/[?#]/)[0] ?? ''))
  },
  /** Ends the host where a name can go on no longer, whatever stands there. */
  greedy: (text) => /^https?:\/\/(\[[0-9a-f:.]*\]|[^/:?#@\\ ]*)/i.exec(text)?.[1]?.toLowerCase().replace(/\.$/, ''),
  /** A browser's first steps: trims, drops tabs and newlines, takes backslashes for slashes, and any number of slashes. */
  browser: (text) => {
    // eslint-disable-next-line no-control-regex -- what a browser trims
    const trimmed = text.replace(/^[\u0000-\u0020]+|[\u0000-\u0020]+$/g, '').replace(/[\t\n\r]/g, '')
    const [, rest] = /^https?:[/\\]*([^]*)$/i.exec(trimmed) ?? []
    return rest === undefined ? undefined : generic(`http://${rest.replaceAll('\\', '/')}`)
  },
  /** Decodes first and looks later. */
  decoding: (text) => {
    const [head = '', ...rest] = text.split(/(?=[?#])/)
    return generic(unescaped(head) + rest.join(''))
  },
  /** Folds full-width letters, dots and slashes before it looks. */
  folding: (text) => generic(text.normalize('NFKC').replaceAll('\u3002', '.')),
  /** Ends at the first blank or control character, as C does at NUL and HTTP does at a blank. */
  // eslint-disable-next-line no-control-regex -- control characters are where it ends
  cutting: (text) => generic(text.split(/[\u0000-\u0020\u007f-\u00a0]/)[0] ?? ''),
  /** Takes what stands before the first @ of the authority for the host. */
  firstAt: (text) => {
    const [, authority] = /^[^:/?#]+:\/\/([^/?#]*)/.exec(text) ?? []
    return authority === undefined ? undefined : bare(unported(authority.split('@')[0] ?? ''))
  },
}

/** The hosts that some reader would open, each with who does. */
export const hostsRead = (text: string): readonly (readonly [reader: string, host: string])[] =>
  Object.entries(READERS).map(([name, reader]) => [name, reader(text) ?? ''])
