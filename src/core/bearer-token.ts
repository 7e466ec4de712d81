/** Who holds an opaque Mayfly token: `l` a lease, `e` what evaluates for it, `o` an operator, `p` a PEP. */
export type BearerKind = 'l' | 'e' | 'o' | 'p'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = /^mf([leop])_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

export const BEARER_ENTROPY_BYTES = 32

/**
 * `mf<kind>_<random><crc32>`: 256 random bits, then a checksum over everything before it. The prefix lets secret scanners
 * and log redaction recognise a token; the checksum refuses a mistyped one without a look-up. It is not a signature.
 */
export function formatBearerToken(kind: BearerKind, entropy: Uint8Array): string {
  const body = `mf${kind}_${base62(bigEndian(entropy.subarray(0, BEARER_ENTROPY_BYTES)), 43)}`
  return body + base62(BigInt(crc32(body)), 6)
}

/** The kind of a well-formed token with a right checksum, else undefined. */
export function bearerKindOf(text: string): BearerKind | undefined {
  const match = FORM.exec(text)
  if (!match) return undefined
  const body = text.slice(0, -6)
  return base62(BigInt(crc32(body)), 6) === match[3] ? (match[1] as BearerKind) : undefined
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function base62(value: bigint, width: number): string {
  let text = ''
  for (let rest = value; text.length < width; rest /= 62n) text = BASE62.charAt(Number(rest % 62n)) + text
  return text
}

/** CRC-32 as in ISO 3309, the one that zip and PNG use. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (let at = 0; at < text.length; at += 1) {
    crc ^= text.charCodeAt(at)
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
