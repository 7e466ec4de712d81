import { addressOf } from './address-of.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { compileGrant } from './compile-grant.ts'
import { compileProvider } from './compile-provider.ts'
import type { Configuration, IssuerSettings, SealKeySettings } from './configuration.ts'
import { notEnforced } from './not-enforced.ts'
import type { ParsedFile } from './parse-file.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

interface Parts {
  readonly sealKey: SealKeySettings
  readonly rules: readonly SourceDocument[]
  readonly resolvePath: (path: string) => string
}

/** A file without a fault, in the words and types of the rest of the broker. */
export function compileConfiguration(
  { document, file }: ParsedFile,
  { sealKey, rules, resolvePath }: Parts,
): Configuration {
  const { server, limits, guards, approvals, sweep } = file
  const issuers = file.issuers.flatMap((issuer) => issuerOf(issuer, resolvePath))
  const issuerFiles = issuers.flatMap((issuer) =>
    issuer.type === 'jwks' && 'file' in issuer.keys ? [issuer.keys.file] : [],
  )
  return {
    file: document.file,
    server: {
      ...addressOf(server.listen),
      publicUrl: server.public_url?.replace(/\/+$/, '') ?? null,
      dataDir: resolvePath(server.data_dir),
      trustedProxies: server.trusted_proxies,
      dangerouslyListenWithoutTls: server.dangerously_listen_without_tls,
    },
    sealKey,
    issuers,
    operators: file.operators.map((each) => ({
      id: each.id,
      role: each.role,
      groups: each.groups,
      tokenSha256: each.token_sha256,
      expiresAt: each.expires_at === undefined ? null : Date.parse(each.expires_at),
    })),
    peps: file.peps.map((each) => ({
      name: each.name,
      tools: each.tools,
      audiences: each.audiences,
      vouchesForLease: each.vouches_for_lease,
      tokenSha256: each.token_sha256,
    })),
    providers: file.providers.map((provider) => compileProvider(provider, resolvePath)),
    catalogue: {
      agents: new Map(file.agents.map((each) => [each.id, agentOf(each)])),
      grants: new Map(file.grants.map((each) => [each.name, compileGrant(each, file.providers)])),
      tools: new Map(
        file.tools.map(({ name, labels, data_classes }) => [name, { name, labels, dataClasses: data_classes }]),
      ),
    },
    labels: file.labels,
    historyWindowSeconds: file.history_window,
    limits: {
      maxTtlSeconds: limits.max_ttl,
      maxAgeSeconds: limits.max_age,
      leasesPerAgent: limits.leases_per_agent,
      credentialsPerLease: limits.credentials_per_lease,
      leaseRequestsPerMinute: limits.lease_requests_per_minute,
      preAuthPerMinute: limits.pre_auth_per_minute,
      liveLeases: limits.live_leases,
    },
    guards: {
      callsPerMinute: guards.calls_per_minute,
      callsPerLease: guards.calls_per_lease,
      repeats: guards.repeats,
      denials: guards.denials,
    },
    approvals: { expireAfterSeconds: approvals.expire_after, pendingPerAgent: approvals.pending_per_agent },
    sweepEvery: sweep.every,
    warnings: [...notEnforced(document), ...idleAgents(document, file)],
    files: [document.file, ...rules.map((each) => each.file), ...issuerFiles],
  }
}

function issuerOf(
  issuer: ConfigurationFile['issuers'][number],
  resolvePath: (path: string) => string,
): readonly IssuerSettings[] {
  const { name, audience, algorithms, require } = issuer
  const common = { name, audience, algorithms, require }
  switch (issuer.type) {
    case 'oidc':
      return [{ ...common, type: 'oidc', issuer: issuer.issuer }]
    case 'jwks':
      return [
        {
          ...common,
          type: 'jwks',
          issuer: issuer.issuer,
          keys:
            issuer.jwks_file === undefined ? { url: issuer.jwks_url ?? '' } : { file: resolvePath(issuer.jwks_file) },
        },
      ]
    case 'spiffe':
      return []
  }
}

function agentOf(agent: ConfigurationFile['agents'][number]) {
  return {
    id: agent.id,
    owner: agent.owner,
    trust: agent.trust,
    autonomy: agent.autonomy,
    purposes: agent.purposes,
    dataClasses: agent.data_classes,
    identities: agent.identities.map(({ issuer, subject, claims }) => ({
      issuer,
      subject: subject ?? null,
      claims: claims ?? {},
    })),
    instanceClaims: agent.instance_claims,
    heartbeatSeconds: agent.heartbeat,
    grants: agent.grants,
    tools: agent.tools,
  }
}

function idleAgents(document: SourceDocument, { agents }: ConfigurationFile): readonly Fault[] {
  return agents.flatMap(({ id, grants, tools }, at) => {
    const message = `Agent ${id} has neither grants nor tools, so it can never be given a lease`
    return grants.length + tools.length > 0
      ? []
      : [faultAt(document, ['agents', at], { message, mend: 'Name some, or take the agent out.' })]
  })
}
