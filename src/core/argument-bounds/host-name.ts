import { err, ok, type Result } from '../result.ts'
import { scriptFault } from './one-script.ts'
import { decodePunycode } from './punycode.ts'

const ASCII_LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/
/** How WHATWG's parser tells an address from a name: its last label is a number in any notation. */
const NUMERIC_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/
const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/
/** Letters that IDNA 2003 drops or replaces and IDNA 2008 keeps: one name, two hosts. */
const READ_TWO_WAYS = /[ßς\u200c\u200d]/

/** A host name or IPv4 address in one form: lower case, ASCII. The error reads on from "a host that". */
export function parseHostName(text: string): Result<string, string> {
  if (text.length > 253) return err('is too long')
  const labels: string[] = []
  for (const label of text.split('.')) {
    const ascii = asciiLabel(label)
    if (!ascii.ok) return ascii
    labels.push(ascii.value)
  }
  const name = labels.join('.')
  if (name.length > 253) return err('is too long')
  if (NUMERIC_LABEL.test(labels.at(-1) ?? '') && !IPV4.test(name)) return err('is an IP address in an odd spelling')
  return ok(name)
}

/** As `parseHostName`, or an IPv6 address in brackets, which comes out as short as it can be written. */
export function parseHost(text: string): Result<string, string> {
  if (!text.startsWith('[')) return parseHostName(text)
  const lower = text.toLowerCase()
  const address = IPV6.test(lower) ? URL.parse(`http://${lower}/`)?.hostname : undefined
  return address === undefined ? err('is not an IPv6 address') : ok(address)
}

/**
 * A host in its one form and what it is below, by whole labels. What an address seems to be below is no host: a name
 * that ends in a number is an address, and no address is shorter than another.
 */
export const hostAndAbove = (host: string): readonly string[] => {
  const labels = host.split('.')
  return labels.map((_, at) => labels.slice(at).join('.'))
}

function asciiLabel(label: string): Result<string, string> {
  const lower = label.toLowerCase()
  // eslint-disable-next-line no-control-regex -- the range is ASCII
  if (/[^\u0000-\u007f]/.test(label)) {
    if (READ_TWO_WAYS.test(lower)) return err('holds a letter that parsers read in two ways; write it as xn--')
    return unicodeLabel(label, lower)
  }
  if (lower === '') return err('has an empty label, or a dot at its end')
  if (!ASCII_LABEL.test(lower)) return err('is not a host name')
  if (!lower.startsWith('xn--')) return ok(lower)
  const shown = decodePunycode(lower.slice('xn--'.length))
  if (shown === undefined) return err('holds a label that is no punycode')
  const again = unicodeLabel(shown, shown.toLowerCase())
  return again.ok && again.value !== lower ? err('is not what it says') : again
}

/** A label beyond ASCII, if it is already what it would be read as, and in one script. */
function unicodeLabel(label: string, lower: string): Result<string, string> {
  const fault = scriptFault(lower)
  if (fault !== undefined) return err(fault)
  const ascii = label.normalize('NFKC') === label ? URL.parse(`http://${lower}/`)?.hostname : undefined
  if (ascii === undefined || ascii.length > 63 || !ascii.startsWith('xn--')) return err('is not what it says')
  return decodePunycode(ascii.slice('xn--'.length)) === lower ? ok(ascii) : err('is not what it says')
}
