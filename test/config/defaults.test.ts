import { expect } from 'chai'

import { ConfigurationFile } from '../../src/config/schema/configuration.ts'
import { LEAST, load, loaded } from './support/configuration-files.ts'

describe('a configuration with only what must be there', () => {
  it('has every default that running.md shows', () => {
    const file = ConfigurationFile.parse(LEAST)
    expect(file).to.deep.include({
      store: { type: 'sqlite' },
      keys: {},
      operators: [],
      peps: [],
      tools: [],
      labels: [],
      limits: {
        max_ttl: 3600,
        max_age: 28800,
        leases_per_agent: 200,
        credentials_per_lease: 20,
        lease_requests_per_minute: 120,
        pre_auth_per_minute: 600,
        max_depth: 5,
        max_children: 50,
        live_leases: 50000,
      },
      approvals: { expire_after: 900, pending_per_agent: 5 },
      guards: { calls_per_minute: 60, calls_per_lease: 1000, repeats: 5, denials: 10 },
      retention: { closed_days: 30, audit_days: null },
      sweep: { every: '*/5 * * * * *' },
      history_window: 900,
    })
    expect(file.server).to.deep.equal({
      listen: '127.0.0.1:8700',
      data_dir: './data',
      trusted_proxies: [],
      dangerously_listen_without_tls: false,
    })
    expect(file.agents[0]).to.deep.include({
      trust: 'low',
      autonomy: null,
      purposes: [],
      data_classes: [],
      instance_claims: [],
      heartbeat: null,
      tools: [],
    })
  })

  it('loads without a warning, in the words of the broker', () => {
    const configuration = loaded(LEAST)
    expect(configuration.warnings).to.deep.equal([])
    expect(configuration.sealKey).to.deep.equal({ from: 'data-folder' })
    expect(configuration.server).to.deep.equal({
      host: '127.0.0.1',
      port: 8700,
      publicUrl: null,
      dataDir: '/etc/mayfly/data',
      trustedProxies: [],
      dangerouslyListenWithoutTls: false,
    })
    expect(configuration.limits).to.deep.equal({
      maxTtlSeconds: 3600,
      maxAgeSeconds: 28800,
      leasesPerAgent: 200,
      credentialsPerLease: 20,
      leaseRequestsPerMinute: 120,
      preAuthPerMinute: 600,
      liveLeases: 50000,
    })
    expect(configuration.catalogue.grants.get('api')).to.deep.include({ maxTtlSeconds: 300, algorithm: 'EdDSA' })
  })

  it('may name tools instead of grants', () => {
    const tools = { ...LEAST, grants: undefined, providers: [], tools: [{ name: 'orders.get' }] }
    const agents = [{ ...LEAST.agents[0], grants: undefined, tools: ['orders.get'] }]
    expect([...loaded({ ...tools, agents }).catalogue.tools.keys()]).to.deep.equal(['orders.get'])
  })

  const required = ['issuers', 'agents', 'providers', 'rules'] as const
  for (const name of required) {
    it(`must have ${name}`, () => {
      const { configuration, faults } = load({ ...LEAST, [name]: undefined })
      expect(configuration).to.equal(null)
      expect(faults.map(({ message }) => message)).to.include(`${name} is missing`)
    })
  }

  const inside: readonly (readonly [list: string, item: Readonly<Record<string, unknown>>])[] = [
    ['agents', { id: 'bot', owner: 'dana@example.com', identities: [{ issuer: 'ci', subject: 'bot' }] }],
    ['operators', { id: 'ops@example.com', role: 'viewer', token_sha256: 'a'.repeat(64) }],
    ['peps', { name: 'api', token_sha256: 'a'.repeat(64) }],
    ['issuers', { name: 'ci', type: 'oidc', issuer: 'https://ci.example', audience: 'mayfly', algorithms: ['ES256'] }],
    ['providers', { name: 'tokens', type: 'jwt' }],
    ['tools', { name: 'orders.get' }],
  ]
  for (const [list, item] of inside) {
    it(`needs no more of ${list} than ${Object.keys(item).join(', ')}, and each of those`, () => {
      expect(load({ ...LEAST, [list]: [item] }).faults).to.deep.equal([])
      for (const member of Object.keys(item)) {
        const { faults } = load({ ...LEAST, [list]: [{ ...item, [member]: undefined }] })
        expect(faults.map(({ message }) => message)).to.deep.equal([`${list}[0].${member} is missing`])
      }
    })
  }

  it('merges limits and guards with their defaults', () => {
    const file = ConfigurationFile.parse({ ...LEAST, limits: { max_ttl: 60 }, guards: { repeats: 2 } })
    expect(file.limits).to.deep.include({ max_ttl: 60, max_age: 28800 })
    expect(file.guards).to.deep.equal({ calls_per_minute: 60, calls_per_lease: 1000, repeats: 2, denials: 10 })
  })
})

describe("an agent's heartbeat", () => {
  it('is what a request may ask for too: longer, and nobody would remember when it was last heard of', () => {
    const wrong = (heartbeat: number): number =>
      load({ ...LEAST, agents: LEAST.agents.map((agent) => ({ ...agent, heartbeat })) }).faults.length
    expect([4, 5, 3600, 3601].map(wrong)).to.deep.equal([1, 0, 0, 1])
  })
})

describe('members that nothing enforces yet', () => {
  it('are a warning each, by name and place, and only where they were written', () => {
    const text = [
      'issuers: [{ name: ci, type: oidc, issuer: "https://ci.example", audience: mayfly, algorithms: [RS256] }]',
      'agents:',
      '  - { id: one, owner: a@x, identities: [{ issuer: ci, subject: one }], tools: [pay] }',
      '  - { id: two, owner: a@x, identities: [{ issuer: ci, subject: two }], tools: [pay], reporter: wrapper }',
      'providers: []',
      'tools: [{ name: pay, payees: [iban] }]',
      'guards: { repeats: 3 }',
      'limits: { max_ttl: 60, max_depth: 2 }',
      'rules: [./rules.yaml]',
    ].join('\n')
    expect(loaded(text).warnings.map(({ line, message }) => `${line} ${message}`)).to.have.members([
      '4 agents[].reporter is read, and nothing enforces it yet',
      '6 tools[].payees is read, and nothing enforces it yet',
      '8 limits.max_depth is read, and nothing enforces it yet',
    ])
  })

  it('are none of those that something does', () => {
    const agents = LEAST.agents.map((agent) => ({ ...agent, heartbeat: 30 }))
    expect(loaded({ ...LEAST, agents }).warnings).to.deep.equal([])
  })

  it('are told apart from an agent that could never be given a lease', () => {
    const agents = [...LEAST.agents, { id: 'idle', owner: 'a@x', identities: [{ issuer: 'ci', subject: 'idle' }] }]
    expect(loaded({ ...LEAST, agents }).warnings.map(({ message }) => message)).to.deep.equal([
      'Agent idle has neither grants nor tools, so it can never be given a lease',
    ])
  })
})
