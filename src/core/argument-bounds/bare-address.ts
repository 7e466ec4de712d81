import { err, ok, type Result } from '../result.ts'
import { parseHostName } from './host-name.ts'

/** A mail address in the one form that every mail program reads alike. */
interface Address {
  readonly local: string
  /** Lower case, in ASCII. */
  readonly domain: string
}

/**
 * A dot-atom (RFC 5321) without `!`, `%`, `|`, `` ` `` and `?`: old routing marks, pipes and encoded words, by which mail
 * programs were led to another domain than the one behind the @.
 */
const LOCAL = /^[A-Za-z0-9#$&'*+/=^_{}~-]+(?:\.[A-Za-z0-9#$&'*+/=^_{}~-]+)*$/

/** One bare address: no display name, comment, group, quoted local part, route or address literal. */
export function parseAddress(text: string): Result<Address, string> {
  const at = text.lastIndexOf('@')
  if (at < 0) return err('is not a mail address')
  const local = text.slice(0, at)
  if (/[<>()]/.test(text)) return err('has a display name or a comment; only bare addresses are compared')
  if (local.includes('"')) return err('has a quoted local part, which mail programs read in different ways')
  if (local.length > 64 || !LOCAL.test(local)) return err('has a part before the @ that is not a plain one')
  const domain = parseHostName(text.slice(at + 1))
  return domain.ok ? ok({ local, domain: domain.value }) : err(`has a domain that ${domain.error}`)
}

/** The bare addresses of a text, divided by commas or semicolons, each with blanks behind it if need be. */
export const addressTexts = (text: string): readonly string[] =>
  text.split(/[,;]/).map((part, at) => (at === 0 ? part : part.replace(/^ +/, '')))
