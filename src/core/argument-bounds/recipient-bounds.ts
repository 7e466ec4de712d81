import type { Json } from '../json.ts'
import { addressTexts, parseAddress } from './bare-address.ts'
import { isNot, textsOf, UNREADABLE, type Check } from './check.ts'
import { hostAndAbove, parseHostName } from './host-name.ts'

/** Every recipient's domain is one of these or below it. An address is one text; several are a list, or divided by commas. */
export const recipientDomain: Check = (bound, value) => {
  const domains = textsOf(bound)?.flatMap((text) => {
    const domain = parseHostName(text)
    return domain.ok ? [domain.value] : []
  })
  if (!domains || domains.length === 0) return UNREADABLE
  const allowed = new Set(domains)
  const recipients: readonly Json[] = Array.isArray(value) ? value : [value]
  if (recipients.length === 0) return 'names nobody'
  for (const recipient of recipients) {
    if (typeof recipient !== 'string') return isNot('a mail address or a list of them', value)
    for (const text of addressTexts(recipient)) {
      const address = parseAddress(text)
      if (!address.ok) return address.error
      const { domain } = address.value
      if (!hostAndAbove(domain).some((outer) => allowed.has(outer))) return `has a recipient at ${domain}`
    }
  }
  return undefined
}
