import type { Json } from '../core/json.ts'
import { err, type Result } from '../core/result.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import { mayFetch } from './may-fetch.ts'

export type Fetch = typeof globalThis.fetch

const TIMEOUT_MS = 5_000

/** Largest document that is read from an issuer, in bytes, after any content coding. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024

/**
 * A JSON document from an issuer, within 5 seconds and 1 MiB. Redirects are not followed: an open redirect at the issuer
 * would let somebody else supply the keys. The error is for the operator.
 */
export async function fetchJson(address: string, fetch: Fetch): Promise<Result<Json, string>> {
  if (!mayFetch(address)) return err(`${address} is neither https nor plain http on loopback`)
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(address, { redirect: 'manual', signal, headers: { accept: 'application/json' } })
    if (response.status !== 200) {
      await response.body?.cancel()
      return err(
        `${address} answered ${response.status}, not 200${response.status >= 300 && response.status < 400 ? '; redirects are not followed' : ''}`,
      )
    }
    const text = await readText(response)
    if (text === undefined) return err(`${address} answered more than ${MAX_DOCUMENT_BYTES} bytes`)
    const json = parseStrictJson(text)
    return json.ok ? json : err(`${address} answered a body that ${json.error}`)
  } catch (error) {
    return err(`${address} could not be read: ${whyFailed(error)}`)
  }
}

/** The body as text, or undefined where it is too large: the rest of it is not even received. */
async function readText(response: Response): Promise<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let [text, bytes] = ['', 0]
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > MAX_DOCUMENT_BYTES) return undefined
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** `fetch` hides what went wrong in the cause. */
export function whyFailed(error: unknown): string {
  if (!(error instanceof Error)) return 'for an unknown reason'
  return error.cause instanceof Error ? `${error.message}, ${error.cause.message}` : error.message
}
