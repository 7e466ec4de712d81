import fc from 'fast-check'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const meaning = (part: string): string => Buffer.from(part, 'base64').toString('hex')
const withPart = (token: string, at: number, change: (part: string) => string): string =>
  token
    .split('.')
    .map((part, index) => (index === at ? change(part) : part))
    .join('.')

/** Other texts that a lenient reader takes for the same token. */
export function spellingsOf(token: string): readonly string[] {
  const perPart = [0, 1, 2].flatMap((at) => {
    const last = Array.from(ALPHABET).map((char) => withPart(token, at, (part) => part.slice(0, -1) + char))
    const part = token.split('.')[at] ?? ''
    return [
      ...last.filter((text) => meaning(text.split('.')[at] ?? '') === meaning(part)),
      ...['=', '==', '\n', ' ', '\t', '%3D', 'A'].map((end) => withPart(token, at, (each) => each + end)),
      ...[' ', '\n', '='].map((middle) => withPart(token, at, (each) => each.slice(0, 8) + middle + each.slice(8))),
      withPart(token, at, (each) => each.replaceAll('-', '+').replaceAll('_', '/')),
      withPart(token, at, (each) => encodeURIComponent(each)),
      withPart(token, at, (each) => Buffer.from(each, 'base64').toString('base64')),
      // The same JSON with a blank more: another text under the signature.
      withPart(token, at, (each) => Buffer.from(`${Buffer.from(each, 'base64').toString()} `).toString('base64url')),
    ]
  })
  const around = [` ${token}`, `${token} `, `${token}\r\n`, `\ufeff${token}`, `${token}.`, `.${token}`, `${token}.e30`]
  const [header = '', payload = '', signature = ''] = token.split('.')
  const json = JSON.stringify({ payload, protected: header, signature })
  return [...new Set([...perPart, ...around, json, `Bearer ${token}`, `"${token}"`])].filter((text) => text !== token)
}

/** The token after one to three small edits, anywhere in it; some of them change nothing. */
export function changesOf(token: string): fc.Arbitrary<string> {
  const letters = [...Array.from(ALPHABET), '+', '/', '=', '.', ' ', '\n', '\t', '%', 'é', '\u00a0', '\u0000']
  const edit = fc.record({
    at: fc.oneof(
      fc.nat(token.length),
      fc.constantFrom(...token.split('').flatMap((char, at) => (char === '.' ? [at - 1, at] : []))),
    ),
    take: fc.nat(2),
    put: fc.array(fc.constantFrom(...letters), { maxLength: 2 }),
  })
  return fc
    .array(edit, { minLength: 1, maxLength: 3 })
    .map((edits) =>
      edits.reduce((text, { at, take, put }) => text.slice(0, at) + put.join('') + text.slice(at + take), token),
    )
}

/** The token with (r, n - s) for its ES256 signature (r, s): it verifies as well, and needs no key to make. */
export const twinOf = (token: string): string =>
  withPart(token, 2, (part) => {
    const [r, s] = [Buffer.from(part, 'base64url').subarray(0, 32), Buffer.from(part, 'base64url').subarray(32)]
    const other = P256_ORDER - BigInt(`0x${s.toString('hex')}`)
    return Buffer.concat([r, Buffer.from(other.toString(16).padStart(64, '0'), 'hex')]).toString('base64url')
  })
