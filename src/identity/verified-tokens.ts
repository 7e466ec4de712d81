import { hash } from 'node:crypto'

const MOST_TOKENS = 5_000
const LONGEST_TOKEN_CHARS = 4 * 1024

/** A bounded memory of what exact token texts were verified to mean. */
export interface VerifiedTokens<T> {
  get(text: string): T | undefined
  set(text: string, value: T): void
  delete(text: string): void
}

/**
 * Keyed by the SHA-256 of the whole text, so that no bearer token outlives its request in memory; another spelling of a
 * token is another text and is verified, and refused, by itself. The least recently used entry makes room.
 */
export function createVerifiedTokens<T extends object>(): VerifiedTokens<T> {
  const held = new Map<string, T>()
  return {
    get(text) {
      const key = keyOf(text)
      const value = key === undefined ? undefined : held.get(key)
      if (key === undefined || value === undefined) return undefined
      held.delete(key)
      held.set(key, value)
      return value
    },
    set(text, value) {
      const key = keyOf(text)
      if (key === undefined) return
      held.delete(key)
      const [oldest] = held.keys()
      if (held.size >= MOST_TOKENS && oldest !== undefined) held.delete(oldest)
      held.set(key, value)
    },
    delete(text) {
      const key = keyOf(text)
      if (key !== undefined) held.delete(key)
    },
  }
}

/** Long texts are not remembered: the memory is bounded in bytes too. */
function keyOf(text: string): string | undefined {
  return text.length > LONGEST_TOKEN_CHARS ? undefined : hash('sha256', text)
}
