import { isJsonObject, type Json, type JsonObject } from './json.ts'
import { err, ok, type Result } from './result.ts'
import { parseStrictJson } from './strict-json.ts'

/** Longest token that any part of the broker reads, in characters. */
export const MAX_TOKEN_CHARS = 16 * 1024

/**
 * base64url without padding, in its one canonical spelling: the bits that the last character has to spare are zero. It
 * accepts exactly the texts that decoding and encoding again gives back (RFC 4648 section 3.5).
 */
const CANONICAL = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/

/**
 * Header members that change how a token is read, or bring the sender's own key along (RFC 7515 sections 4.1.2 to 4.1.5
 * and 4.1.11, RFC 7797). Mayfly understands none of them, so it refuses them; `x5c` and `x5t` are never looked at.
 */
const REFUSED_HEADERS = ['crit', 'b64', 'jku', 'jwk', 'x5u'] as const

/** A compact JWS as it reads before anything of it is proven. */
export interface CompactToken {
  readonly algorithm: string
  readonly kid: string | null
  /** `typ` in lower case without `application/`, which a sender may leave out (RFC 7515 section 4.1.9). */
  readonly type: string | null
  readonly header: JsonObject
  readonly payload: JsonObject
}

/**
 * The parts of a compact JWS, if the text is the only spelling of that token. JWT libraries accept padding, stray bits,
 * white space and the other base64 alphabet, so without this a revoked token would have living twins.
 */
export function parseCompactToken(text: string): Result<CompactToken, string> {
  if (text.length > MAX_TOKEN_CHARS) return err(`is longer than ${MAX_TOKEN_CHARS} characters`)
  const parts = text.split('.', 4)
  const [head, body, signature] = parts
  if (parts.length !== 3 || !head || !body || !signature) return err('is not three non-empty parts joined by dots')
  if (!parts.every((part) => CANONICAL.test(part))) return err('holds a part that is not canonical base64url')
  const header = jsonObjectOf(head)
  if (!header.ok) return err(`has a header that ${header.error}`)
  const payload = jsonObjectOf(body)
  if (!payload.ok) return err(`has a payload that ${payload.error}`)
  const { alg, kid = null, typ = null } = header.value
  const refused = REFUSED_HEADERS.find((name) => Object.hasOwn(header.value, name))
  if (refused !== undefined) return err(`has the header member ${refused}, which is never followed`)
  if (typeof alg !== 'string') return err('names no algorithm')
  if (!isTextOrNull(kid, header.value, 'kid') || !isTextOrNull(typ, header.value, 'typ'))
    return err('has a kid or typ that is not text')
  return ok({ algorithm: alg, kid, type: typ && mediaType(typ), header: header.value, payload: payload.value })
}

function jsonObjectOf(part: string): Result<JsonObject, string> {
  const text = utf8Of(part)
  if (text === undefined) return err('is not UTF-8')
  const json = parseStrictJson(text)
  if (!json.ok) return json
  return isJsonObject(json.value) ? ok(json.value) : err('is not an object')
}

function utf8Of(part: string): string | undefined {
  const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  try {
    // A byte order mark is kept, so that JSON.parse refuses it: it would be a second spelling of the same claims.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** `null` stands for a member that is left out; one that is there and null is not text. */
const isTextOrNull = (value: Json, header: JsonObject, name: string): value is string | null =>
  typeof value === 'string' || (value === null && !Object.hasOwn(header, name))

function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  const short = lower.replace(/^application\//, '')
  return short.includes('/') ? lower : short
}
