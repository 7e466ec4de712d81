import * as z from 'zod'

import { AUTONOMY, TRUST } from '../../core/catalogue.ts'
import { ROLES } from '../../core/role.ts'
import { ClaimValues, FilePath, Name, Sha256, Slug, ToolPattern, Url } from './atoms.ts'

/** Asymmetric only: whoever can verify a symmetric signature could have made it. */
const Algorithm = z.enum([
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
])

const issuer = {
  name: Name,
  audience: z.string().min(1, 'without an audience a token made for somebody else would do'),
  algorithms: z.array(Algorithm).min(1),
  require: ClaimValues.default({}),
}

export const Issuer = z.discriminatedUnion('type', [
  z.strictObject({ ...issuer, type: z.literal('oidc'), issuer: Url }),
  z.strictObject({
    ...issuer,
    type: z.literal('jwks'),
    issuer: z.string().min(1),
    jwks_file: FilePath.optional(),
    jwks_url: Url.optional(),
  }),
  z.strictObject({
    ...issuer,
    algorithms: z.array(Algorithm).min(1).default(['ES256']),
    type: z.literal('spiffe'),
    trust_domain: z.string().min(1),
    bundle_file: FilePath.optional(),
    bundle_url: Url.optional(),
  }),
])

const Identity = z.strictObject({ issuer: Name, subject: z.string().min(1).optional(), claims: ClaimValues.optional() })

export const Agent = z.strictObject({
  id: Name,
  owner: z.string().min(1).max(256),
  trust: z.enum(TRUST).default('low'),
  autonomy: z.enum(AUTONOMY).nullable().default(null),
  purposes: z.array(Slug).default([]),
  data_classes: z.array(Slug).default([]),
  identities: z.array(Identity).min(1, 'an agent without an identity could never prove itself'),
  instance_claims: z.array(z.string().min(1)).default([]),
  // As a request may ask: who was heard of is remembered for three hours, and a lease is lost after two intervals.
  heartbeat: z.int().min(5).max(3600).nullable().default(null),
  grants: z.array(Name).default([]),
  tools: z.array(Name).default([]),
  reporter: z.enum(['wrapper']).optional(),
})

export const Operator = z.strictObject({
  id: z.string().min(1).max(256),
  role: z.enum(ROLES),
  groups: z.array(Slug).default([]),
  token_sha256: Sha256,
  expires_at: z.iso.datetime().optional(),
})

export const Pep = z.strictObject({
  name: Name,
  token_sha256: Sha256,
  tools: z.array(ToolPattern).default([]),
  audiences: z.array(z.string().min(1)).default([]),
  vouches_for_lease: z.boolean().default(false),
})

const Auth = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('token'), token_file: FilePath }),
  z.strictObject({
    method: z.literal('approle'),
    mount: Name.default('approle'),
    role_id_file: FilePath,
    secret_id_file: FilePath,
  }),
  z.strictObject({ method: z.literal('jwt'), mount: Name.default('jwt'), role: Name, jwt_file: FilePath }),
])

const AwsCredentials = z.union([
  z.strictObject({ access_key_id_file: FilePath, secret_access_key_file: FilePath }),
  z.strictObject({ profile: Name }),
])

export const Provider = z.discriminatedUnion('type', [
  z.strictObject({ name: Name, type: z.literal('jwt') }),
  z.strictObject({
    name: Name,
    type: z.literal('aws-sts'),
    region: Name,
    endpoint: Url.optional(),
    credentials: AwsCredentials.optional(),
  }),
  z.strictObject({
    name: Name,
    type: z.literal('vault'),
    address: Url,
    namespace: Name.optional(),
    ca_file: FilePath.optional(),
    auth: Auth,
    // What docs/vault.md sets up: the token role that makes parents, and the policy that secrets are read under.
    parent_role: Name.default('mayfly-parent'),
    secrets_policy: Name.default('mayfly-secrets'),
  }),
])
