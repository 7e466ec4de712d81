import { readFile } from 'node:fs/promises'
import type { Clock } from '../../broker/ports.ts'
import { parseCompactToken } from '../../core/compact-token.ts'
import { rfc3339, SECOND_MS } from '../../core/time.ts'
import type { VaultAuth } from './settings.ts'

type JwtAuth = Extract<VaultAuth, { method: 'jwt' }>

/** Why a login by JWT may have failed. A Vault does not say, and the token's own words are known here. */
export async function judgeJwt(
  { jwtFile, mount, role }: JwtAuth,
  clock: Clock,
): Promise<{ readonly why: string; readonly mend: string }> {
  const text = await readFile(jwtFile, 'utf8').catch(() => '')
  const token = parseCompactToken(text.trim())
  if (!token.ok) return { why: `${jwtFile} holds no JWT: it ${token.error}`, mend: 'Let the platform write it anew' }
  const { aud, exp, sub } = token.value.payload
  if (typeof exp === 'number' && exp * SECOND_MS <= clock()) {
    const why = `The token in ${jwtFile} ended at ${rfc3339(exp * SECOND_MS)}`
    return { why, mend: 'Let the platform write a new one before the old one ends' }
  }
  return {
    why: `The token in ${jwtFile} has the audience ${JSON.stringify(aud ?? null)} and the subject ${JSON.stringify(sub ?? null)}`,
    mend:
      `Let role ${role} take that audience and subject (bound_audiences, bound_subject in auth/${mount}/role/${role}), ` +
      'or get a token for an audience that it takes',
  }
}
