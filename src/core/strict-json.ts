import type { Json } from './json.ts'
import { err, ok, type Result } from './result.ts'

/** Deepest nesting that any part of the broker reads. */
const MAX_DEPTH = 32

const STRING = /"(?:[^"\\]|\\.)*"/sy
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** The names seen so far in an open object; null for an open array. */
type Scope = Set<string> | null

/**
 * JSON (RFC 8259) that every reader reads alike. Beyond what `JSON.parse` refuses: duplicate names, `__proto__`, NUL,
 * lone surrogates, numbers that are not finite, integers beyond ±(2^53-1) and nesting deeper than 32. Otherwise the broker
 * and a tool could read different arguments out of one text (RFC 7493, I-JSON). The error says what was wrong.
 */
export function parseStrictJson(text: string): Result<Json, string> {
  const fault = scan(text)
  if (fault !== undefined) return err(fault)
  try {
    return ok(JSON.parse(text) as Json)
  } catch {
    return err('is not JSON')
  }
}

/** One pass over the tokens, without recursion: depth is an attacker's number. Leaves grammar to `JSON.parse`. */
function scan(text: string): string | undefined {
  const open: Scope[] = []
  for (let at = 0; at < text.length;) {
    const sign = text.charAt(at)
    if (sign === '{' || sign === '[') {
      if (open.length === MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH}`
      open.push(sign === '{' ? new Set() : null)
      at += 1
    } else if (sign === '}' || sign === ']') {
      open.pop()
      at += 1
    } else if (sign === '"') {
      const token = match(STRING, text, at)
      if (token === undefined) return 'is not JSON'
      at += token.length
      const fault = stringFault(token, isName(text, at) ? open.at(-1) : null)
      if (fault !== undefined) return fault
    } else if (sign === '-' || (sign >= '0' && sign <= '9')) {
      const token = match(NUMBER, text, at)
      if (token === undefined) return 'is not JSON'
      at += token.length
      const fault = numberFault(Number(token))
      if (fault !== undefined) return fault
    } else {
      at += 1
    }
  }
  return undefined
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** A string followed by a colon is a name. */
function isName(text: string, after: number): boolean {
  let at = after
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at += 1
  return text.charAt(at) === ':'
}

function stringFault(token: string, names: Scope | undefined): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(token)
  } catch {
    return 'is not JSON'
  }
  if (typeof value !== 'string') return 'is not JSON'
  if (value.includes('\u0000')) return 'holds a NUL character'
  if (!value.isWellFormed()) return 'holds a lone surrogate'
  if (!names) return undefined
  if (value === '__proto__') return 'holds the name __proto__'
  if (names.has(value)) return `holds the name ${JSON.stringify(value.slice(0, 64))} twice`
  names.add(value)
  return undefined
}

function numberFault(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'holds a number that is not finite'
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return 'holds an integer beyond ±(2^53-1)'
  return undefined
}
