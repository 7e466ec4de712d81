import type { MintOrder } from '../../../src/broker/ports.ts'
import type { GrantedAccess } from '../../../src/core/access.ts'
import type { JwtGrant, SigningAlgorithm } from '../../../src/core/catalogue.ts'
import { parseId, type CredentialId, type LeaseId } from '../../../src/core/id.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import type { AccessTokenKeys } from '../../../src/providers/jwt/access-token-keys.ts'
import { createJwtProvider } from '../../../src/providers/jwt.ts'
import { generatePrivateKey, signingKeyOf, type SigningKey } from '../../../src/store/keys/signing-key.ts'

export const NOW = Date.parse('2027-03-01T12:00:00.750Z')
export const CREDENTIAL = parseId('crd', 'crd_01hqzv0000000000000000000a') as CredentialId
export const LEASE = parseId('lse', 'lse_01hqzv0000000000000000000b') as LeaseId
export const OWN = 'https://mayfly.test'

export const newKey = async (algorithm: SigningAlgorithm): Promise<SigningKey> =>
  signingKeyOf(await generatePrivateKey(algorithm), { use: 'access', algorithm, createdAt: 0, signsFrom: 0 })

/** Signs with the first key of the algorithm; publishes all. */
export const keysOf = (...keys: readonly SigningKey[]): AccessTokenKeys => ({
  signer: (algorithm) => keys.find((key) => key.algorithm === algorithm),
  published: () => keys,
})

export interface Ordered {
  readonly now?: number
  readonly leaseEnds?: number
  readonly grant?: Partial<JwtGrant>
  readonly access?: Partial<GrantedAccess>
}

/** An order that nothing is wrong with: a lease of 300 s, just begun. */
function orderOf({ now = NOW, leaseEnds = now + 300_000, grant = {}, access = {} }: Ordered = {}): MintOrder {
  const actions = ['refund:create', 'refund:read']
  return {
    credential: CREDENTIAL,
    lease: { id: LEASE, task: 'run-8812', agent: 'support-bot', expiresAt: leaseEnds },
    grant: {
      type: 'jwt',
      name: 'refunds-api',
      provider: 'tokens',
      audience: 'https://refunds.test',
      algorithm: 'EdDSA',
      actions,
      resources: ['orders/*'],
      maxTtlSeconds: 300,
      labels: [],
      dataClasses: [],
      ...grant,
    },
    access: { grant: 'refunds-api', actions, resources: ['orders/1234'], ...access },
    now,
  }
}

/** What the provider mints for the order, taken apart. */
export async function minted(keys: AccessTokenKeys, ordered: Ordered = {}, issuer: string = OWN) {
  const result = await createJwtProvider({ name: 'tokens', issuer, keys }).mint(orderOf(ordered))
  const value = result.value.unwrap()
  const token = value['access_token']
  if (typeof token !== 'string') throw new Error('There is no token')
  const [header, claims] = token
    .split('.', 2)
    .map((part): JsonObject => JSON.parse(Buffer.from(part, 'base64url').toString()) as JsonObject)
  return { result, value, token, header: header ?? {}, claims: claims ?? {} }
}
