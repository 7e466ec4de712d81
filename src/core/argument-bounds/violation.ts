import type { Json } from '../json.ts'

/**
 * Why a call is outside its lease. `message` is public text that a model can act on; it and `found` hold what the caller
 * sent, shortened, so that a record which may hold no arguments keeps `argument` and `bound` alone.
 */
export interface Violation {
  /** The key of the bound, or where the argument stands that none names; null: the arguments together. */
  readonly argument: string | null
  /** The constraint that does not hold, `required`, `only` or `size`. */
  readonly bound: string
  /** As JSON; null: nothing is there. */
  readonly found: string | null
  readonly message: string
}

/** Longest text of a value in a message, in UTF-16 units. */
const SHOWN = 120

/** Everything that a reader can't see, or that turns the text around it. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu

/** A value as JSON, shortened, with what can't be seen written as `\u{...}`. */
export function shown(value: Json): string {
  const text = JSON.stringify(value)
  const short = text.length > SHOWN ? `${text.slice(0, SHOWN).replace(/[\ud800-\udbff]$/, '')}...` : text
  return short.replace(UNSEEN, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`)
}
