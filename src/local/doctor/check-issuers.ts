import type { Finding } from '../../broker/provider-port.ts'
import { loadKeySet } from '../../identity/load-key-set.ts'
import type { Fetch } from '../../identity/fetch-json.ts'
import type { TrustedIssuer } from '../../identity/trusted-issuer.ts'

/** Whether the keys of an issuer can be read now, and one of them used. */
export async function checkIssuer(issuer: TrustedIssuer, fetch: Fetch): Promise<readonly Finding[]> {
  const read = await loadKeySet(issuer, fetch)
  if (!read.ok) {
    const mend =
      issuer.type === 'oidc'
        ? 'Open the way there over HTTPS, and write `issuer` exactly as its discovery document does.'
        : 'Put a JWK set there that the broker can read.'
    return [{ check: 'keys', ok: false, detail: read.error, mend }]
  }
  const { keys, unusable } = read.value
  const fitting = keys.filter((key) => key.algorithms.some((each) => issuer.algorithms.includes(each)))
  if (fitting.length > 0) {
    return [{ check: 'keys', ok: true, detail: `${fitting.length} of its keys can verify identities`, mend: null }]
  }
  const why = unusable.map(({ kid, reason }) => `${kid ?? 'one without kid'}: ${reason}`).join('; ')
  const detail = `None of its keys is for ${issuer.algorithms.join(', ')}${why === '' ? '' : ` (${why})`}`
  return [
    {
      check: 'keys',
      ok: false,
      detail,
      mend: 'List in `algorithms` what it signs with, or let it sign with one of them.',
    },
  ]
}
