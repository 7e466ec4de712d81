import type { Json } from '../json.ts'
import { parseAddress } from './bare-address.ts'
import type { CompareAs } from './check.ts'
import { decimalText, readDecimal } from './decimal.ts'
import { readMoment } from './moment.ts'
import { originOf, parsePlainUrl } from './plain-url.ts'

const HAS_SCHEME = /^https?:\/\//i
const SCHEMES = ['http', 'https'] as const

/** What a value can mean as one of these, each meaning in one spelling; none where it cannot be read so. */
export function readingsOf(value: Json, as: CompareAs): readonly string[] {
  if (as === 'decimal') {
    const decimal = readDecimal(value)
    return decimal ? [decimalText(decimal)] : []
  }
  if (typeof value !== 'string') return []
  switch (as) {
    case 'time':
      return readMoment(value)
    case 'email':
      return addressReadings(value)
    case 'url':
      return urlReadings(value)
  }
}

/** Mail providers ignore case throughout, so two addresses that differ in nothing else are one. */
function addressReadings(text: string): readonly string[] {
  const address = parseAddress(text)
  return address.ok ? [`${address.value.local.toLowerCase()}@${address.value.domain}`] : []
}

/**
 * A slash at the end of the path means nothing; host, port, query and fragment mean what they say. A URL without a scheme
 * can be meant as either.
 */
function urlReadings(text: string): readonly string[] {
  const complete = HAS_SCHEME.test(text)
  const url = parsePlainUrl(complete ? text : `http://${text}`)
  if (!url.ok || url.value.detour !== undefined) return []
  const { scheme, path, behindPath } = url.value
  const rest = (path.endsWith('/') ? path.slice(0, -1) : path) + behindPath
  return (complete ? [scheme] : SCHEMES).map((each) => originOf(url.value, each) + rest)
}
