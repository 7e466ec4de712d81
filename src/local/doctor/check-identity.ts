import type { Identities } from '../../broker/ports.ts'
import type { Finding } from '../../broker/provider-port.ts'
import { parseCompactToken } from '../../core/compact-token.ts'
import { audienceFault } from '../../identity/check-claims.ts'
import type { TrustedIssuer } from '../../identity/trusted-issuer.ts'

/** Which agent this token proves, or why it proves none. The operator sees what a caller of the broker is never told. */
export async function checkIdentity(
  token: string,
  {
    identities,
    issuers,
  }: { readonly identities: Pick<Identities, 'workload'>; readonly issuers: readonly TrustedIssuer[] },
): Promise<readonly Finding[]> {
  const audience = wrongAudience(token, issuers)
  if (audience) return [audience]
  const proven = await identities.workload(token)
  if (proven.ok) {
    const detail = `It is agent ${proven.value.agent}, proven by issuer ${proven.value.issuer}`
    return [{ check: 'identity', ok: true, detail, mend: null }]
  }
  const { cause, reason } = proven.error
  const mend =
    reason === 'unknown-agent'
      ? 'Give one agent an entry in `identities` that these claims match, and no other.'
      : 'Mend the token, or what `issuers` says of whoever signed it.'
  return [{ check: 'identity', ok: false, detail: cause, mend }]
}

function wrongAudience(text: string, issuers: readonly TrustedIssuer[]): Finding | undefined {
  const token = parseCompactToken(text)
  if (!token.ok) return undefined
  const { iss, aud } = token.value.payload
  const from = issuers.filter(({ issuer }) => issuer === iss)
  if (from.length === 0 || from.some(({ audience }) => audienceFault({ aud }, audience) === undefined)) return undefined
  const wanted = from.map(({ audience }) => JSON.stringify(audience)).join(' or ')
  return {
    check: 'audience',
    ok: false,
    detail: `The token is for ${JSON.stringify(aud ?? null)}, and this broker is ${wanted}`,
    mend: `Let the workload ask its issuer for a token with the audience ${wanted}, or mend \`audience\` of the issuer.`,
  }
}
