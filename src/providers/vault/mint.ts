import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Plan, UpstreamMinted, UpstreamOrder } from '../../broker/provider-port.ts'
import type { VaultSecretGrant, VaultTokenGrant } from '../../core/catalogue.ts'
import type { JsonObject } from '../../core/json.ts'
import { Secret } from '../../core/secret.ts'
import { SECOND_MS } from '../../core/time.ts'
import { failureOf, VaultFailure } from './failure.ts'
import { endOf, ENGINE_GRACE_MS, isSts } from './plan.ts'
import type { VaultSettings } from './settings.ts'
import {
  lifeOf,
  prolong,
  secondsUntil,
  withTaskToken,
  type Life,
  type TaskToken,
  type TaskTokenParts,
} from './task-token.ts'
import { readMadeSecret, readRenewedLease, type MadeSecret, type Recorded } from './wire.ts'

export interface MintParts extends TaskTokenParts {
  readonly settings: VaultSettings
}

/** One mint under way. */
interface Minting<G> {
  readonly order: UpstreamOrder
  readonly grant: G
  readonly plan: Plan
  readonly record: (needed: JsonObject) => Promise<void>
  readonly signal: AbortSignal
}

const RENEW_LEASE = 'sys/leases/renew'

/**
 * One service token for each credential: stricter than one for each lease, and a credential that is replaced takes no
 * other with it. It is born with the birth TTL and prolonged only after all that a revocation needs is recorded, so what a
 * crash leaves behind heals itself. Throws a `VaultFailure`, or what `record` threw.
 */
export async function mint(
  parts: MintParts,
  order: UpstreamOrder,
  plan: Plan,
  record: (needed: JsonObject) => Promise<void>,
  given: AbortSignal,
): Promise<UpstreamMinted> {
  const { grant } = order
  const signal = AbortSignal.any([given, AbortSignal.timeout(parts.timings.mintMs)])
  const minting = { order, plan, record, signal }
  switch (grant.type) {
    case 'vault-token':
      return await withTaskToken(parts, order, grant.policies, signal, (task) =>
        mintToken(parts, { ...minting, grant }, task),
      )
    case 'vault-secret':
      return await withTaskToken(parts, order, [parts.settings.secretsPolicy], signal, (task) =>
        mintSecret(parts, { ...minting, grant }, task),
      )
    default:
      throw new VaultFailure(`A Vault makes no credential of type ${grant.type}`, null)
  }
}

async function mintToken(
  parts: MintParts,
  minting: Minting<VaultTokenGrant>,
  task: TaskToken,
): Promise<UpstreamMinted> {
  const { order, plan, record, signal } = minting
  await record(recordOf(task, { makes: 'token', lease: null, ends: 'revoked' }))
  const life = await prolong(parts, task, order, signal)
  const token = task.token.unwrap()
  const value = { token, address: parts.settings.address, namespace: parts.settings.namespace }
  return minted(order, plan, value, token, life)
}

async function mintSecret(
  parts: MintParts,
  minting: Minting<VaultSecretGrant>,
  task: TaskToken,
): Promise<UpstreamMinted> {
  const { order, grant, plan, record, signal } = minting
  const ends = plan.revocation === 'at_expiry' ? 'at_expiry' : 'revoked'
  await record(recordOf(task, { makes: 'secret', lease: null, ends }))
  const at = parts.clock()
  const secret = await read(parts, minting, task)
  const born = lifeOf(secret.leaseSeconds, at, parts.clock())
  const unforeseen = ends === 'revoked' && isSession(secret.data)
  await record(recordOf(task, { makes: 'secret', lease: secret.leaseId, ends: unforeseen ? 'at_expiry' : ends }))
  if (unforeseen)
    throw new VaultFailure(
      `${grant.path} makes STS sessions, which nobody can take back: name aws/sts/ROLE instead`,
      null,
    )

  const secretLife = secret.renewable ? await fit(parts, secret, order, signal) : born
  const tokenLife = await prolong(parts, task, order, signal)
  const life = {
    earliest: Math.min(secretLife.earliest, ends === 'revoked' ? tokenLife.earliest : Infinity),
    latest: secretLife.latest + ENGINE_GRACE_MS,
  }
  const data = secret.data.unwrap()
  return minted(order, plan, { data }, canonicalize(data) ?? '', life)
}

async function read(
  { transport, clock }: MintParts,
  { order, grant, signal }: Minting<VaultSecretGrant>,
  { token }: TaskToken,
): Promise<MadeSecret> {
  const sts = isSts(grant)
  const answer = await transport(
    grant.method === 'read' && !sts
      ? { method: 'GET', path: grant.path, token, signal }
      : {
          method: 'POST',
          path: grant.path,
          token,
          data: { ...grant.data, ...(sts && { ttl: `${secondsUntil(endOf(order), clock())}s` }) },
          signal,
        },
  )
  const made = readMadeSecret(answer)
  if (!made) throw failureOf(grant.path, answer)
  if (made.leaseId === '' || made.leaseSeconds === 0)
    throw new VaultFailure(`${grant.path} makes no secret with a lease, so nothing could end it`, 200)
  return made
}

/**
 * A role gives every secret the same life. Renewing it for less shortens it, in the database too (`VALID UNTIL`), so that
 * it ends in time even where Vault and the broker are both gone by then.
 */
async function fit(
  { own, clock }: MintParts,
  secret: MadeSecret,
  order: UpstreamOrder,
  signal: AbortSignal,
): Promise<Life> {
  const at = clock()
  const data = { lease_id: secret.leaseId, increment: secondsUntil(endOf(order), at) }
  const answer = await own.ask({ method: 'POST', path: RENEW_LEASE, data, signal })
  const renewed = readRenewedLease(answer)
  if (renewed?.lease_id !== secret.leaseId || renewed.lease_duration === 0) throw failureOf(RENEW_LEASE, answer)
  return lifeOf(renewed.lease_duration, at, clock())
}

/** What leaves is what was ordered: a secret that would outlive its plan is not handed out. */
function minted(order: UpstreamOrder, plan: Plan, value: JsonObject, secret: string, life: Life): UpstreamMinted {
  if (life.latest > plan.notAfter) {
    const late = Math.ceil((life.latest - plan.notAfter) / SECOND_MS)
    throw new VaultFailure(
      `What grant ${order.grant.name} makes would end ${late} s late and cannot be shortened: lower default_ttl of its role`,
      null,
    )
  }
  return {
    value: new Secret(value),
    fingerprint: hash('sha256', secret),
    expiresAt: Math.min(life.earliest, endOf(order)),
    hardExpiresAt: life.latest,
  }
}

function recordOf({ parent, accessor }: TaskToken, rest: Omit<Recorded, 'parent' | 'accessor'>): JsonObject {
  return { parent, accessor, ...rest }
}

/** AWS's engine names the token of a session so. A key pair of an IAM user has none. */
function isSession(data: Secret<JsonObject>): boolean {
  const { security_token: old, session_token: token } = data.unwrap()
  return typeof (token ?? old) === 'string'
}
