import type { Instant } from './time.ts'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type LeaseId = Branded<'LeaseId'>
export type CredentialId = Branded<'CredentialId'>
export type DecisionId = Branded<'DecisionId'>
export type ApprovalId = Branded<'ApprovalId'>
export type FreezeId = Branded<'FreezeId'>
/** Of a revocation of an agent, owner or task that sticks. It is never shown. */
export type RevocationMarkId = Branded<'RevocationMarkId'>
export type MarkId = FreezeId | RevocationMarkId

/** The three letters in front of an id, and what it names. */
export interface IdKinds {
  readonly lse: LeaseId
  readonly crd: CredentialId
  readonly dec: DecisionId
  readonly apr: ApprovalId
  readonly frz: FreezeId
  readonly rvk: RevocationMarkId
}
export type IdKind = keyof IdKinds

/** Crockford's base 32 in lower case: no i, l, o, u, so that an id survives being read aloud. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const BODY = /^[0-9a-hjkmnp-tv-z]{26}$/

export const ID_ENTROPY_BYTES = 10

/**
 * An id that sorts by time: 48 bits of milliseconds, then 80 random bits (the layout of a ULID).
 * Time-ordered keys keep inserts at the right edge of the index (performance.md: 29 k/s against 10.7 k/s).
 */
export function formatId<K extends IdKind>(kind: K, at: Instant, entropy: Uint8Array): IdKinds[K] {
  let text = ''
  for (let rest = at, digit = 0; digit < 10; digit += 1, rest = Math.floor(rest / 32)) {
    text = ALPHABET.charAt(rest % 32) + text
  }
  let bits = 0
  let held = 0
  for (const byte of entropy.subarray(0, ID_ENTROPY_BYTES)) {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET.charAt((held >>> (bits - 5)) & 31)
    held &= (1 << bits) - 1
  }
  return `${kind}_${text}` as IdKinds[K]
}

/** The id if the text has the form of one of that kind, else undefined. An id is an identifier, never a right. */
export function parseId<K extends IdKind>(kind: K, text: string): IdKinds[K] | undefined {
  return text.startsWith(`${kind}_`) && BODY.test(text.slice(4)) ? (text as IdKinds[K]) : undefined
}
