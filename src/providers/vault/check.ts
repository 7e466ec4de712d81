import { z } from 'zod'
import type { Finding } from '../../broker/provider-port.ts'
import { SECOND_MS } from '../../core/time.ts'
import { VaultFailure } from './failure.ts'
import { judgeJwt } from './judge-jwt.ts'
import { finding, judgeDatabaseRole, judgeParentRole } from './judge-role.ts'
import type { OwnToken } from './own-token.ts'
import { refuseEnvironment } from './refuse-settings.ts'
import type { VaultParts, VaultSettings } from './settings.ts'
import type { Transport } from './transport.ts'
import { readOwnToken } from './wire.ts'

export interface CheckParts {
  readonly settings: VaultSettings
  readonly parts: VaultParts
  /** Asks outside of every namespace. */
  readonly serverOnly: Transport
  readonly own: OwnToken
}

/** The server tells its time in whole seconds. */
const SKEW_MS = 5 * SECOND_MS

const health = z.object({ sealed: z.boolean(), initialized: z.boolean(), server_time_utc: z.number() })
const capabilities = z.object({ data: z.record(z.string(), z.array(z.string()).or(z.unknown())) })

/** For `mayfly doctor`: everything about this Vault that would fail later, and what to do about it. Changes nothing. */
export async function checkVault(
  { settings, parts, serverOnly, own }: CheckParts,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings = [finding('environment', refuseEnvironment(parts.env), 'Nothing in it turns checks off')]
  const reached = await lookAtHealth({ settings, parts, serverOnly }, signal)
  findings.push(...reached)
  if (reached.some(({ check, ok }) => check === 'reachable' && !ok)) return findings
  const wasHeld = own.held()
  try {
    findings.push(...(await lookAtLogin({ settings, own }, signal)))
    findings.push(...(await lookAtRights({ settings, parts, own }, signal)))
    findings.push(...(await lookAtRoles({ settings, parts, own }, signal)))
  } catch (error) {
    const detail = error instanceof VaultFailure ? error.message : 'Looking failed inside the broker'
    findings.push(finding('login', await whyNotIn({ settings, parts }, detail), ''))
  }
  if (!wasHeld) await own.release(signal)
  return findings
}

async function lookAtHealth(
  { settings, parts, serverOnly }: Pick<CheckParts, 'settings' | 'parts' | 'serverOnly'>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const before = parts.clock()
  const answer = await serverOnly({ method: 'GET', path: 'sys/health', token: null, signal })
  const after = parts.clock()
  const well = answer.kind === 'answered' ? health.safeParse(answer.body).data : undefined
  if (!well || well.sealed || !well.initialized) {
    const why = answer.kind === 'unanswered' ? `does not answer: ${answer.why}` : well ? 'is sealed' : 'is no Vault'
    const mend = 'Start and unseal it, and check address, ca_file and any redirect or proxy in between'
    return [finding('reachable', { detail: `${settings.address} ${why}`, mend }, '')]
  }
  const server = well.server_time_utc * SECOND_MS
  const off = Math.max(server - after, before - server - SECOND_MS)
  const skew = { detail: `The clocks differ by about ${Math.round(off / SECOND_MS)} s`, mend: 'Set both by NTP' }
  return [
    finding('reachable', null, `${settings.address} is unsealed`),
    finding('clock', off > SKEW_MS ? skew : null, 'The clocks agree'),
  ]
}

async function lookAtLogin(
  { settings, own }: Pick<CheckParts, 'settings' | 'own'>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const answer = await own.ask({ method: 'GET', path: 'auth/token/lookup-self', signal })
  const token = readOwnToken(answer)
  if (!token) {
    const mend = `Let the broker's policy read auth/token/lookup-self: docs/vault.md has the whole policy`
    return [finding('login', { detail: 'The login does not say what it is', mend }, '')]
  }
  const root = token.policies.includes('root')
  const ends = token.ttl > 0 && !token.renewable
  return [
    finding('login', null, `The broker logs in by ${settings.auth.method}`),
    finding(
      'least privilege',
      root
        ? { detail: 'The broker logs in as root', mend: 'Give it the policy of docs/vault.md and nothing else' }
        : null,
      'The broker is not root',
    ),
    finding(
      'renewal',
      ends ? { detail: `The login ends in ${token.ttl} s and cannot be renewed`, mend: mendOfRenewal(settings) } : null,
      'The login can be kept up',
    ),
  ]
}

async function lookAtRights(
  { settings, parts, own }: Pick<CheckParts, 'settings' | 'parts' | 'own'>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const secrets = parts.grants().some(({ type }) => type === 'vault-secret')
  const rights = {
    'permission to mint': [`auth/token/create/${settings.parentRole}`],
    'permission to revoke': ['auth/token/revoke-accessor', ...(secrets ? ['sys/leases/revoke'] : [])],
    'permission to renew': [
      'auth/token/renew-accessor',
      'auth/token/lookup-accessor',
      'auth/token/renew-self',
      ...(secrets ? ['sys/leases/renew'] : []),
    ],
  }
  const paths = Object.values(rights).flat()
  const answer = await own.ask({ method: 'POST', path: 'sys/capabilities-self', data: { paths }, signal })
  const held =
    answer.kind === 'answered' && answer.status === 200 ? capabilities.safeParse(answer.body).data?.data : undefined
  const may = (path: string): boolean => {
    const granted = held?.[path]
    return Array.isArray(granted) && (granted.includes('update') || granted.includes('root'))
  }
  return Object.entries(rights).map(([check, needed]) => {
    const missing = needed.filter((path) => !may(path))
    const mend = missing.map((path) => `path "${path}" { capabilities = ["update"] }`).join('\n')
    const wrong = { detail: `The broker may not update ${missing.join(', ')}`, mend: `Add to its policy:\n${mend}` }
    return finding(check, missing.length > 0 ? wrong : null, 'The policy has what it takes')
  })
}

async function lookAtRoles(
  { settings, parts, own }: Pick<CheckParts, 'settings' | 'parts' | 'own'>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const grants = parts.grants()
  const read = (path: string) => own.ask({ method: 'GET', path, signal })
  const findings = [judgeParentRole(settings, grants, await read(`auth/token/roles/${settings.parentRole}`))]
  for (const grant of grants) {
    if (grant.type !== 'vault-secret') continue
    const role = rolePath(grant.path)
    if (role !== null) findings.push(judgeDatabaseRole(`grant ${grant.name}`, role, await read(role)))
  }
  return findings
}

/** Where the database engine keeps the role of a path that makes its users, null for the paths of other engines. */
function rolePath(path: string): string | null {
  const at = path.lastIndexOf('/creds/')
  return at === -1 ? null : `${path.slice(0, at)}/roles/${path.slice(at + '/creds/'.length)}`
}

async function whyNotIn({ settings, parts }: Pick<CheckParts, 'settings' | 'parts'>, detail: string) {
  if (settings.auth.method !== 'jwt') return { detail, mend: mendOfLogin(settings) }
  const { why, mend } = await judgeJwt(settings.auth, parts.clock)
  return { detail: `${detail}. ${why}`, mend }
}

const mendOfLogin = ({ auth }: VaultSettings): string =>
  auth.method === 'token'
    ? `Put a token into ${auth.tokenFile} that this Vault knows`
    : `Check the role, the mount ${auth.mount} and the files of auth`

const mendOfRenewal = ({ auth }: VaultSettings): string =>
  auth.method === 'token'
    ? `Put a renewable token into ${auth.tokenFile}: vault token create -orphan -period=24h -policy=mayfly-broker`
    : 'Let the role make renewable service tokens: token_type=service'
