import { z } from 'zod'
import type { Json, JsonObject } from '../../core/json.ts'
import { Secret } from '../../core/secret.ts'
import type { VaultAnswer } from './transport.ts'

const json: z.ZodType<Json> = z.json()
const seconds = z.int().min(0)
const text = z.string().min(1)

const madeToken = z.object({
  auth: z.object({
    client_token: text.transform((token) => new Secret(token)),
    accessor: text,
    policies: z.array(z.string()),
    identity_policies: z.array(z.string()).nullish(),
    lease_duration: seconds,
    renewable: z.boolean(),
    token_type: z.string(),
    orphan: z.boolean(),
  }),
})

/** A token that was just made, by a login or a create. */
export type MadeToken = z.output<typeof madeToken>['auth']

/** A login may give a token without an accessor; it is only ever used. */
const login = z.object({
  auth: madeToken.shape.auth.pick({ client_token: true, lease_duration: true, renewable: true }),
})

const renewedToken = z.object({ auth: z.object({ lease_duration: seconds, renewable: z.boolean() }) })

const ownToken = z.object({
  data: z.object({
    ttl: seconds,
    renewable: z.boolean().default(false),
    type: z.string(),
    policies: z.array(z.string()),
  }),
})

const secret = z.object({
  lease_id: z.string(),
  lease_duration: seconds,
  renewable: z.boolean(),
  data: z.record(z.string(), json),
})

/** A secret that an engine has just made. Without a lease id there is nothing to take it back by. */
export interface MadeSecret {
  readonly leaseId: string
  readonly leaseSeconds: number
  readonly renewable: boolean
  readonly data: Secret<JsonObject>
}

const renewedLease = z.object({ lease_id: text, lease_duration: seconds })
const warned = z.object({ warnings: z.array(z.string()).min(1) })

/** The body of a 200 that has the form, else undefined. What Vault adds to it is left out. */
function of<T>(schema: z.ZodType<T>, answer: VaultAnswer): T | undefined {
  return answer.kind === 'answered' && answer.status === 200 ? schema.safeParse(answer.body).data : undefined
}

export const readMadeToken = (answer: VaultAnswer): MadeToken | undefined => of(madeToken, answer)?.auth
export const readLogin = (answer: VaultAnswer) => of(login, answer)?.auth
export const readRenewedToken = (answer: VaultAnswer) => of(renewedToken, answer)?.auth
export const readOwnToken = (answer: VaultAnswer) => of(ownToken, answer)?.data
export const readRenewedLease = (answer: VaultAnswer) => of(renewedLease, answer)
export const readWarnings = (answer: VaultAnswer): readonly string[] | undefined => of(warned, answer)?.warnings

export function readMadeSecret(answer: VaultAnswer): MadeSecret | undefined {
  const read = of(secret, answer)
  return (
    read && {
      leaseId: read.lease_id,
      leaseSeconds: read.lease_duration,
      renewable: read.renewable,
      data: new Secret(read.data),
    }
  )
}

const recorded = z.object({
  makes: z.enum(['secret', 'token']),
  parent: text,
  accessor: text,
  lease: text.nullable(),
  ends: z.enum(['revoked', 'at_expiry']),
})

/** What a revocation needs, as `record` keeps it. `lease` is null until a secret has been read. */
export type Recorded = z.output<typeof recorded>

export const readRecorded = (kept: JsonObject): Recorded | undefined => recorded.safeParse(kept).data
