import { randomUUID } from 'node:crypto'
import { importJWK, SignJWT, type JWK } from 'jose'

import { DEV } from './dev-settings.ts'
import { readIssuerKey } from './dev-folder.ts'

interface Wanted {
  /** `.mayfly` of the development broker. */
  readonly folder: string
  readonly agent: string
  readonly ttlSeconds: number
}

/** A fresh identity token for an agent, signed by the development issuer. Undefined where there is no such issuer yet. */
export async function devIdentity({ folder, agent, ttlSeconds }: Wanted): Promise<string | undefined> {
  const jwk = await readIssuerKey(folder)
  if (!jwk) return undefined
  return new SignJWT({})
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid: String(jwk['kid']) })
    .setIssuer(DEV.issuer)
    .setAudience(DEV.audience)
    .setSubject(agent)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${ttlSeconds}s`)
    .sign(await importJWK(jwk as JWK, 'EdDSA'))
}
