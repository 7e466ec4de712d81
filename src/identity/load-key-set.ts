import { open } from 'node:fs/promises'
import { isJsonObject } from '../core/json.ts'
import { err, type Result } from '../core/result.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import { fetchJson, MAX_DOCUMENT_BYTES, whyFailed, type Fetch } from './fetch-json.ts'
import { readKeySet, type KeySet } from './key-set.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'

/** The issuer's keys, read now. The error is for the operator: it names the address or file and what was wrong. */
export async function loadKeySet(issuer: TrustedIssuer, fetch: Fetch): Promise<Result<KeySet, string>> {
  switch (issuer.type) {
    case 'oidc':
      return discover(issuer.issuer, fetch)
    case 'jwks':
      return 'file' in issuer.keys ? read(issuer.keys.file) : fetchKeySet(issuer.keys.url, fetch)
  }
}

/** OpenID Connect Discovery 1.0 section 4. */
async function discover(issuer: string, fetch: Fetch): Promise<Result<KeySet, string>> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchJson(address, fetch)
  if (!document.ok) return document
  const { issuer: named, jwks_uri: keys } = isJsonObject(document.value) ? document.value : {}
  // Section 4.3: otherwise one tenant of a shared host could answer for another.
  if (named !== issuer) return err(`${address} is the configuration of another issuer`)
  if (typeof keys !== 'string') return err(`${address} names no jwks_uri`)
  // A document that came over https must not send the broker to plain http, not even on its own machine.
  if (issuer.startsWith('https:') && !keys.startsWith('https:'))
    return err(`${address} names a jwks_uri that is not https`)
  return fetchKeySet(keys, fetch)
}

async function fetchKeySet(address: string, fetch: Fetch): Promise<Result<KeySet, string>> {
  const document = await fetchJson(address, fetch)
  return document.ok ? labelled(address, readKeySet(document.value)) : document
}

async function read(file: string): Promise<Result<KeySet, string>> {
  try {
    await using handle = await open(file, 'r')
    if ((await handle.stat()).size > MAX_DOCUMENT_BYTES)
      return err(`${file} is larger than ${MAX_DOCUMENT_BYTES} bytes`)
    const json = parseStrictJson(await handle.readFile('utf8'))
    return labelled(file, json.ok ? readKeySet(json.value) : json)
  } catch (error) {
    return err(`${file} could not be read: ${whyFailed(error)}`)
  }
}

function labelled(origin: string, result: Result<KeySet, string>): Result<KeySet, string> {
  return result.ok ? result : err(`${origin} ${result.error}`)
}
