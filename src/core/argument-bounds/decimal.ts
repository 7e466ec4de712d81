import type { Json } from '../json.ts'

const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/

/** A number as its digits: no zeros before the whole part or behind the fraction, no negative zero. Zero is '' and ''. */
interface Decimal {
  readonly negative: boolean
  readonly whole: string
  readonly fraction: string
}

/** A JSON number or decimal string, exactly. Anything else is none: no exponent, sign +, blank or bare point in a string. */
export function readDecimal(value: Json): Decimal | undefined {
  if (typeof value === 'string') return DECIMAL.test(value) ? ofDigits(value) : undefined
  return typeof value === 'number' && Number.isFinite(value) ? ofDigits(withoutExponent(value)) : undefined
}

/** Below zero, zero or above it, as the first is less than, equal to or more than the second. No floating point. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1
  const size = a.whole.length - b.whole.length || order(a.whole, b.whole) || order(a.fraction, b.fraction)
  return a.negative ? -size : size
}

/** One text for one number. */
export const decimalText = ({ negative, whole, fraction }: Decimal): string =>
  `${negative ? '-' : ''}${whole || '0'}${fraction && `.${fraction}`}`

/** The digits of a fraction, without the zeros that say nothing. */
export function withoutTrailingZeros(digits: string): string {
  let end = digits.length
  while (digits.charAt(end - 1) === '0') end -= 1
  return digits.slice(0, end)
}

const order = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

function ofDigits(text: string): Decimal {
  const [wholePart = '', fractionPart = ''] = text.replace('-', '').split('.')
  const whole = wholePart === '0' ? '' : wholePart
  const fraction = withoutTrailingZeros(fractionPart)
  return { negative: text.startsWith('-') && whole + fraction !== '', whole, fraction }
}

/** The shortest digits that name the number, written out: JavaScript writes 1e21 and 1e-7 with an exponent. */
function withoutExponent(value: number): string {
  const [mantissa = '', exponent = '0'] = String(Math.abs(value)).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const point = whole.length + Number(exponent)
  const digits = point > 0 ? (whole + fraction).padEnd(point, '0') : '0'.repeat(1 - point) + whole + fraction
  const cut = Math.max(point, 1)
  return `${value < 0 ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`
}
