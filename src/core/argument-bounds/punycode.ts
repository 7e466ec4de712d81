/** The parameters that RFC 3492 section 5 sets for host names. */
const BASE = 36
const T_MIN = 1
const T_MAX = 26
const SKEW = 38
const DAMP = 700
const FIRST_NON_ASCII = 128
const LAST_CODE_POINT = 0x10ffff

const DIGITS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/**
 * What a lower-case label says behind its `xn--` (RFC 3492 section 6.2); undefined where it is no punycode. Parsers pass
 * such a label on without a look, so whoever wants to know what it shows has to read it.
 */
export function decodePunycode(text: string): string | undefined {
  const divide = Math.max(text.lastIndexOf('-'), 0)
  const points = Array.from(text.slice(0, divide), (sign) => sign.charCodeAt(0))
  let [code, at, bias] = [FIRST_NON_ASCII, 0, 72]
  for (let next = divide > 0 ? divide + 1 : 0; next < text.length;) {
    const before = at
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = DIGITS.indexOf(text.charAt(next))
      if (next >= text.length || digit < 0) return undefined
      next += 1
      at += digit * weight
      if (!Number.isSafeInteger(at)) return undefined
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX)
      if (digit < threshold) break
      weight *= BASE - threshold
    }
    const length = points.length + 1
    bias = adapt(at - before, length, before === 0)
    code += Math.floor(at / length)
    at %= length
    if (code > LAST_CODE_POINT) return undefined
    points.splice(at, 0, code)
    at += 1
  }
  return String.fromCodePoint(...points)
}

function adapt(delta: number, length: number, first: boolean): number {
  let rest = Math.floor(delta / (first ? DAMP : 2))
  rest += Math.floor(rest / length)
  let k = 0
  for (; rest > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) rest = Math.floor(rest / (BASE - T_MIN))
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW))
}
