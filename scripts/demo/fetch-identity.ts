import { DemoFailed } from './demo-failed.ts'

interface Wanted {
  readonly issuer: string
  readonly client: string
  readonly secret: string
  /** Whom the token is for (RFC 8707). */
  readonly audience: string
  readonly signal: AbortSignal
}

/** What the agent's platform does for it: a fresh access token of its issuer, by discovery and client credentials. */
export async function fetchIdentity({ issuer, client, secret, audience, signal }: Wanted): Promise<string> {
  const found = await fetch(`${issuer}/.well-known/openid-configuration`, { signal })
  const { token_endpoint: address } = (await found.json()) as { readonly token_endpoint: string }
  const answer = await fetch(address, {
    method: 'POST',
    signal,
    headers: { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
  })
  if (!answer.ok)
    throw new DemoFailed(`The issuer answered ${answer.status}, not a token.`, 'Run this again; report it if it stays.')
  return ((await answer.json()) as { readonly access_token: string }).access_token
}

/** What a token says, `''` where it says nothing. For showing it, never for trusting it. */
export function claimsOf(token: string): Claims {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return { sub: '', aud: '', scope: '', task: '', ...(JSON.parse(payload) as Partial<Claims>) }
}

interface Claims {
  readonly sub: string
  readonly aud: string
  readonly scope: string
  readonly task: string
}
