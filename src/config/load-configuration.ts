import { dirname, resolve } from 'node:path'

import type { Grant } from '../core/catalogue.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { Secret } from '../core/secret.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { checkReferences } from './check-references.ts'
import type { Configuration, IssuerSettings, SealKeySettings } from './configuration.ts'
import { notEnforced } from './not-enforced.ts'
import { parseFile } from './parse-file.ts'
import { readYaml } from './read-yaml.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

/** The outside world of a configuration. */
export interface ConfigurationSources {
  /** The text of a file. Throws where it cannot be read. */
  readonly readFile: (path: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Reads a configuration and all files that it names. Every fault at once: an operator mends a file, not a line. */
export function loadConfiguration(
  file: string,
  sources: ConfigurationSources,
): Result<Configuration, readonly Fault[]> {
  const document = read(file, sources, { file, line: 1, column: 1 })
  if (!document.ok) return document
  const parsed = parseFile(document.value)
  if (!parsed.file) return err(parsed.faults)
  const whole = parsed.file
  const resolvePath = (path: string): string => resolve(dirname(file), path)
  const rules = whole.rules.map((path, at) => {
    const place = { file, ...document.value.at(['rules', at]) }
    return read(resolvePath(path), sources, place)
  })
  const sealKey = sealKeyOf(document.value, whole, sources.env, resolvePath)
  const faults = [
    ...parsed.faults,
    ...checkReferences(document.value, whole),
    ...[...rules, sealKey].flatMap((each) => (each.ok ? [] : each.error)),
  ]
  if (faults.length > 0 || !sealKey.ok) return err(faults)
  const documents = rules.flatMap((each) => (each.ok ? [each.value] : []))
  return ok(compile(document.value, whole, { sealKey: sealKey.value, rules: documents, resolvePath }))
}

type Place = Pick<Fault, 'file' | 'line' | 'column'>

function read(
  file: string,
  { readFile }: ConfigurationSources,
  namedAt: Place,
): Result<SourceDocument, readonly Fault[]> {
  let text: string
  try {
    text = readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    return err([
      {
        ...namedAt,
        message: `${file} cannot be read (${code})`,
        mend: 'Write the path of a file that the broker may read; it is relative to the file that names it.',
      },
    ])
  }
  return readYaml(file, text)
}

function sealKeyOf(
  document: SourceDocument,
  { keys }: ConfigurationFile,
  env: ConfigurationSources['env'],
  resolvePath: (path: string) => string,
): Result<SealKeySettings, readonly Fault[]> {
  if (keys.seal_key_file !== undefined) return ok({ from: 'file', file: resolvePath(keys.seal_key_file) })
  if (keys.seal_key === undefined) return ok({ from: 'data-folder' })
  const variable = keys.seal_key.slice('${env:'.length, -1)
  const value = env[variable]
  const path: readonly Step[] = ['keys', 'seal_key']
  if (value === undefined || value === '') {
    return err([
      faultAt(document, path, {
        message: `The environment has no ${variable}`,
        mend: 'Set it before the start, or use keys.seal_key_file.',
      }),
    ])
  }
  return ok({ from: 'environment', variable, value: new Secret(value) })
}

interface Parts {
  readonly sealKey: SealKeySettings
  readonly rules: readonly SourceDocument[]
  readonly resolvePath: (path: string) => string
}

function compile(
  document: SourceDocument,
  file: ConfigurationFile,
  { sealKey, rules, resolvePath }: Parts,
): Configuration {
  const { server, limits, approvals, sweep } = file
  const colon = server.listen.lastIndexOf(':')
  const issuers = file.issuers.flatMap((issuer) => issuerOf(issuer, resolvePath))
  const issuerFiles = issuers.flatMap((issuer) =>
    issuer.type === 'jwks' && 'file' in issuer.keys ? [issuer.keys.file] : [],
  )
  return {
    file: document.file,
    server: {
      host: server.listen.slice(0, colon).replace(/^\[|\]$/g, ''),
      port: Number(server.listen.slice(colon + 1)),
      publicUrl: server.public_url?.replace(/\/+$/, '') ?? null,
      dataDir: resolvePath(server.data_dir),
      trustedProxies: server.trusted_proxies,
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
      tokenSha256: each.token_sha256,
    })),
    providers: file.providers.flatMap(({ name, type }) => (type === 'jwt' ? [{ name, type }] : [])),
    catalogue: {
      agents: new Map(file.agents.map((each) => [each.id, agentOf(each)])),
      grants: new Map(file.grants.map((each) => [each.name, grantOf(each)])),
      tools: new Map(
        file.tools.map(({ name, labels, data_classes }) => [name, { name, labels, dataClasses: data_classes }]),
      ),
    },
    labels: file.labels,
    rules,
    limits: {
      maxTtlSeconds: limits.max_ttl,
      maxAgeSeconds: limits.max_age,
      leasesPerAgent: limits.leases_per_agent,
      credentialsPerLease: limits.credentials_per_lease,
      leaseRequestsPerMinute: limits.lease_requests_per_minute,
      preAuthPerMinute: limits.pre_auth_per_minute,
      liveLeases: limits.live_leases,
    },
    approvals: { expireAfterSeconds: approvals.expire_after, pendingPerAgent: approvals.pending_per_agent },
    sweepEvery: sweep.every,
    warnings: notEnforced(document),
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

function grantOf(grant: ConfigurationFile['grants'][number]): Grant {
  return {
    name: grant.name,
    provider: grant.provider,
    type: 'jwt',
    actions: grant.actions,
    resources: grant.resources,
    maxTtlSeconds: grant.max_ttl,
    labels: grant.labels,
    dataClasses: grant.data_classes,
    audience: grant.audience ?? '',
    algorithm: grant.algorithm,
  }
}
