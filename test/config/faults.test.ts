import { expect } from 'chai'

import { KEY_SET, LEAST, load, placed, said } from './support/configuration-files.ts'

const [issuer] = LEAST.issuers
const [agent] = LEAST.agents
const [grant] = LEAST.grants
const TOKEN = 'a'.repeat(64)
const see = 'config/mayfly.schema.json says'

describe('the faults of a configuration', () => {
  it('are said all at once, each with its place and its mend, whatever kind they are of', () => {
    const text = [
      'server: { listen: "0.0.0.0:8700", public_ulr: "https://mayfly.example" }', // 1
      'issuers:',
      '  - { name: ci, type: oidc, issuer: "https://ci.example", audience: mayfly, algorithms: [HS256] }', // 3
      '  - { name: own, type: jwks, issuer: x, audience: mayfly, algorithms: [EdDSA], jwks_file: ./none.json }',
      'agents:',
      '  - id: bot', // 6
      '    identities: [{ issuer: cj, subject: bot }]',
      '    grants: [apy]',
      '    trusst: high',
      '  - { id: other, owner: dana@example.com, identities: [{ issuer: cj, subject: other }], grants: [apy] }', // 10
      'providers: [{ name: tokens, type: vault, address: "https://vault.example", auth: { method: token, token_file: ./t } }]',
      'grants:',
      '  - { name: api, provider: token, audience: "https://api.example", labels: [finacial], max_ttl: 5m }', // 13
      '  - { name: two, provider: tokenz, labels: [finacial] }',
      'keys: { seal_key: "c2VjcmV0LXNlY3JldA==" }',
      'rules: [./rules.yaml, ./missing.yaml]', // 16
    ].join('\n')
    const { configuration, faults } = load(text)
    expect(configuration).to.equal(null)
    expect(placed(faults.toSorted((a, b) => a.line - b.line || a.column - b.column))).to.deep.equal([
      '1:19 0.0.0.0 is not loopback, and this listener has no TLS. Listen on 127.0.0.1, or behind a proxy that ends TLS and is named in server.trusted_proxies, or set server.dangerously_listen_without_tls: true.',
      '1:19 0.0.0.0 is not loopback, and server.public_url is missing. Write the address that verifiers know the broker by.',
      '1:35 server.public_ulr is not a member of the file. Did you mean public_url?',
      '3:90 issuers[0].algorithms[0] is none of the values that there are. Did you mean ES256? Write one of EdDSA, Ed25519, ES256, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512.',
      '4:91 /etc/mayfly/none.json cannot be read (ENOENT). Write the path of a file that the broker may read; it is relative to the file that names it.',
      '6:5 agents[0].owner is missing. Write a text, in quotes if it looks like a number.',
      '7:28 There is no issuer cj. Did you mean ci?',
      '8:14 There is no grant apy. Did you mean api?',
      '9:5 agents[0].trusst is not a member of the file. Did you mean trust?',
      '10:66 There is no issuer cj. Did you mean ci?',
      '10:98 There is no grant apy. Did you mean api?',
      '11:111 /etc/mayfly/t cannot be read (ENOENT). Write the path of a file that the broker may read; it is relative to the file that names it.',
      '13:28 There is no provider token. Did you mean tokens?',
      '13:77 There is no label finacial. Did you mean financial?',
      '13:97 grants[0].max_ttl is a text. Write a number.',
      '14:28 There is no provider tokenz. Did you mean tokens?',
      '14:45 There is no label finacial. Did you mean financial?',
      `15:19 keys.seal_key: must be an environment reference such as \${env:MAYFLY_SEAL_KEY}, never the secret itself. Change it; ${see} what is allowed.`,
      '16:23 /etc/mayfly/missing.yaml cannot be read (ENOENT). Write the path of a file that the broker may read; it is relative to the file that names it.',
    ])
  })

  const broken: readonly (readonly [name: string, settings: object, faults: readonly string[]])[] = [
    ['an empty file', [], ['The file is a list. Write a mapping of members.']],
    [
      'a file without anything',
      {},
      ['issuers', 'agents', 'providers', 'rules']
        .map((name) => `${name} is missing. Write a list.`)
        .concat(
          'There are neither grants nor tools. Write grants, tools or both: without them there is nothing to ask for.',
        ),
    ],
    [
      'empty lists where something must be',
      { ...LEAST, issuers: [], agents: [], rules: [] },
      [
        `issuers: without an issuer nobody can prove an identity. Change it; ${see} what is allowed.`,
        `agents: without an agent nobody can ask for anything. Change it; ${see} what is allowed.`,
        `rules: no rules means no start. Change it; ${see} what is allowed.`,
      ],
    ],
    ['no rules', { ...LEAST, rules: undefined }, ['rules is missing. Write a list.']],
    [
      'neither grants nor tools',
      { ...LEAST, grants: [], agents: [{ ...agent, grants: [] }] },
      ['There are neither grants nor tools. Write grants, tools or both: without them there is nothing to ask for.'],
    ],
    [
      'an unknown member that is like none',
      { ...LEAST, telemetry: true },
      ['telemetry is not a member of the file. Take it out; config/mayfly.schema.json says what there is.'],
    ],
    [
      'a member in the wrong place: suggestions are of that very place',
      { ...LEAST, agents: [{ ...agent, audiance: 'x' }] },
      ['agents[0].audiance is not a member of the file. Take it out; config/mayfly.schema.json says what there is.'],
    ],
    [
      'an issuer without an audience',
      { ...LEAST, issuers: [{ ...issuer, audience: undefined }] },
      ['issuers[0].audience is missing. Write a text, in quotes if it looks like a number.'],
    ],
    [
      'an issuer with an empty audience',
      { ...LEAST, issuers: [{ ...issuer, audience: '' }] },
      [
        `issuers[0].audience: without an audience a token made for somebody else would do. Change it; ${see} what is allowed.`,
      ],
    ],
    [
      'an issuer without algorithms',
      { ...LEAST, issuers: [{ ...issuer, algorithms: undefined }] },
      ['issuers[0].algorithms is missing. Write a list.'],
    ],
    [
      'an issuer of no known type',
      { ...LEAST, issuers: [{ ...issuer, type: 'saml' }] },
      ['issuers[0].type is none of the values that there are. Write one of oidc, jwks, spiffe.'],
    ],
    [
      'an issuer of a type that is not built',
      {
        ...LEAST,
        issuers: [issuer, { name: 'mesh', type: 'spiffe', trust_domain: 'prod.example', audience: 'mayfly' }],
      },
      ['Issuers of type spiffe are not built yet. Use oidc or jwks.'],
    ],
    [
      'a grant of AWS that names no role and no action, or a pattern',
      {
        ...LEAST,
        providers: [...LEAST.providers, { name: 'aws', type: 'aws-sts', region: 'eu-central-1' }],
        grants: [
          ...LEAST.grants,
          { name: 'all', provider: 'aws' },
          { name: 'star', provider: 'aws', role_arn: 'arn:aws:iam::123456789012:role/r', actions: ['s3:*'] },
          { name: 'user', provider: 'aws', role_arn: 'arn:aws:iam::123456789012:user/u', actions: ['s3:GetObject'] },
        ],
      },
      [
        'Grant all has no role_arn. Write the role whose sessions it gives.',
        'Grant all has no actions. Write the actions that it may give, such as s3:GetObject: it never falls back to the whole role.',
        '"s3:*" is not one action. Write it exactly, without "*" or "?": agents are given exact actions.',
        '"arn:aws:iam::123456789012:user/u" is not the ARN of a role. Write it like arn:aws:iam::123456789012:role/NAME.',
      ],
    ],
    [
      'a grant of a Vault that says nothing, too much, or a path that leaves its segments',
      {
        ...LEAST,
        providers: [
          ...LEAST.providers,
          {
            name: 'v',
            type: 'vault',
            address: 'http://vault.example:8200',
            auth: { method: 'token', token_file: './t' },
          },
        ],
        grants: [
          ...LEAST.grants,
          { name: 'none', provider: 'v' },
          { name: 'both', provider: 'v', path: 'database/creds/r', policies: ['p'] },
          { name: 'dots', provider: 'v', path: 'database/../sys/mounts' },
          { name: 'root', provider: 'v', policies: ['root'], role_arn: 'x' },
          { name: 'data', provider: 'v', path: 'pki/issue/r', data: { ttl: '1m' } },
        ],
      },
      [
        'http://vault.example:8200 is http: and not loopback. Write its https: address: the broker sends its own login there.',
        'Grant none must say once what it gives. Write exactly one of path (a dynamic secret) and policies (a child token).',
        'Grant both must say once what it gives. Write exactly one of path (a dynamic secret) and policies (a child token).',
        '"database/../sys/mounts" is not a path that is safe to send. Write segments of A-Z, a-z, 0-9, "_" and "-", such as database/creds/orders-ro.',
        'root is a policy of nobody. Name the policies that the task needs.',
        'grants[4].role_arn means nothing to a provider of type vault. Take it out.',
        'data goes with method: write. Write method: write, or take data out.',
        '/etc/mayfly/t cannot be read (ENOENT). Write the path of a file that the broker may read; it is relative to the file that names it.',
      ],
    ],
    [
      'a store that is not built',
      { ...LEAST, store: { type: 'postgres', url_file: './url' } },
      ['store.type postgres is not built yet. Write sqlite.'],
    ],
    [
      'keys over plain http',
      {
        ...LEAST,
        issuers: [
          { ...issuer, issuer: 'http://ci.example' },
          { ...issuer, name: 'two', type: 'jwks', jwks_url: 'http://keys.example/jwks' },
        ],
      },
      [
        'http://ci.example is http: and not loopback. Write its https: address: whoever can change the keys on the way can be anybody.',
        'http://keys.example/jwks is http: and not loopback. Write its https: address: whoever can change the keys on the way can be anybody.',
      ],
    ],
    [
      'keys from nowhere, or from two places',
      {
        ...LEAST,
        issuers: [
          { ...issuer, type: 'jwks' },
          { ...issuer, name: 'two', type: 'jwks', jwks_url: 'https://keys.example/jwks', jwks_file: './jwks.json' },
        ],
      },
      [
        'Issuer ci must name its keys once. Write exactly one of jwks_file and jwks_url.',
        'Issuer two must name its keys once. Write exactly one of jwks_file and jwks_url.',
      ],
    ],
    [
      'names twice, people without regard to case',
      {
        ...LEAST,
        issuers: [issuer, issuer],
        agents: [agent, { ...agent, identities: [{ issuer: 'ci', subject: 'x' }] }],
        grants: [grant, grant],
        providers: [...LEAST.providers, ...LEAST.providers],
        tools: [{ name: 'a.b' }, { name: 'a.b' }],
        operators: [
          { id: 'ops@example.com', role: 'viewer', token_sha256: TOKEN },
          { id: 'Ops@Example.com', role: 'admin', token_sha256: 'b'.repeat(64) },
        ],
        rules: ['./rules.yaml', './rules.yaml'],
      },
      [
        'issuers holds ci',
        'agents holds bot',
        'operators holds ops@example.com',
        'providers holds tokens',
        'grants holds api',
        'tools holds a.b',
        'rules holds ./rules.yaml',
      ].map((what) => `${what} twice. Give one of them another name, or take it out.`),
    ],
    [
      'one token for two holders',
      {
        ...LEAST,
        operators: [{ id: 'ops@example.com', role: 'viewer', token_sha256: TOKEN }],
        peps: [{ name: 'api', token_sha256: TOKEN }],
      },
      ['Two holders share one token. Make another with mayfly token new.'],
    ],
    [
      'a token instead of its hash',
      { ...LEAST, operators: [{ id: 'ops@example.com', role: 'viewer', token_sha256: 'mfo_secret' }] },
      [
        `operators[0].token_sha256: must be 64 lower-case hex digits: mayfly token new prints it. Change it; ${see} what is allowed.`,
      ],
    ],
    [
      'an identity that everybody of the issuer has',
      { ...LEAST, agents: [{ ...agent, identities: [{ issuer: 'ci' }, { issuer: 'ci', claims: {} }] }] },
      Array(2).fill('An identity of agent bot matches every token of the issuer. Name a subject, or claims.'),
    ],
    [
      'two agents with the same identity',
      { ...LEAST, agents: [agent, { ...agent, id: 'twin' }] },
      [
        'Agents bot and twin have the same identity. Nobody could tell them apart: give each its own subject or claims.',
      ],
    ],
    [
      'references to what does not exist',
      {
        ...LEAST,
        agents: [
          { ...agent, identities: [{ issuer: 'nobody', subject: 'bot' }], grants: ['none'], tools: ['orders.gte'] },
        ],
        grants: [{ ...grant, provider: 'vault-main' }],
        tools: [{ name: 'orders.get', labels: ['personal'] }],
        peps: [{ name: 'p', token_sha256: TOKEN, tools: ['orders.*', 'order.*', 'orders.get.*', 'orders'] }],
      },
      [
        'There is no issuer nobody. Add it, or name one of: ci.',
        'There is no grant none. Add it, or name one of: api.',
        'There is no tool orders.gte. Did you mean orders.get?',
        'There is no provider vault-main. Add it, or name one of: tokens.',
        'There is no label personal. Add it, or name one of: private_data, untrusted_input, external_send, egress, destructive, financial, access_change, credential, write, production, derives.',
        ...['order.*', 'orders.get.*', 'orders'].map(
          (pattern) => `${pattern} names no tool of the catalogue. Mend the name, or add the tool.`,
        ),
      ],
    ],
    [
      'a jwt grant without an audience, or with members of another provider',
      {
        ...LEAST,
        grants: [{ name: 'api', provider: 'tokens', role_arn: 'arn:aws:iam::1:role/x', path: 'database/creds/x' }],
      },
      [
        'Grant api has no audience. Write the one API that its tokens are for.',
        'grants[0].role_arn means nothing to a provider of type jwt. Take it out.',
        'grants[0].path means nothing to a provider of type jwt. Take it out.',
      ],
    ],
    [
      'actions and resources that somebody downstream would read as more',
      {
        ...LEAST,
        grants: [{ ...grant, actions: ['read all', 'say"x"'], resources: ['orders/**', 'orders*', '../x'] }],
      },
      [
        ...['orders/**', 'orders*', '../x'].map(
          (each) => `"${each}" is not a resource. Write it exactly, or end it in one "*" after "/" or ":".`,
        ),
        ...['read all', 'say"x"'].map(
          (each) =>
            `"${each}" is not a scope token. Write it without blanks, quotes and backslashes (RFC 6749 section 3.3).`,
        ),
      ],
    ],
    [
      'an address, a proxy or a schedule that the start would fail on',
      { ...LEAST, server: { listen: '127.0.0.1:99999', trusted_proxies: ['the-proxy'] }, sweep: { every: 'often' } },
      [
        `server.listen: must have a port of at most 65535. Change it; ${see} what is allowed.`,
        `server.trusted_proxies[0]: must be an address, a network such as 10.0.0.0/8, or one of loopback, linklocal, uniquelocal. Change it; ${see} what is allowed.`,
        `sweep.every: must be a node-cron expression such as */5 * * * * *. Change it; ${see} what is allowed.`,
      ],
    ],
    [
      'limits beyond what they can be',
      { ...LEAST, limits: { max_ttl: 1, live_leases: 0.5, leases_per_agent: '200' } },
      [
        `limits.max_ttl: too small: expected number to be >=5. Change it; ${see} what is allowed.`,
        'limits.leases_per_agent is a text. Write a number.',
        'limits.live_leases is a number. Write a whole number.',
      ],
    ],
  ]
  for (const [name, settings, wanted] of broken) {
    it(`refuse ${name}`, () => {
      const { configuration, faults } = load(settings, { files: { '/etc/mayfly/jwks.json': KEY_SET } })
      expect(configuration).to.equal(null)
      expect(said(faults)).to.deep.equal(wanted)
    })
  }

  it('of one thing are not blamed on what refers to it', () => {
    const settings = {
      ...LEAST,
      issuers: [{ ...issuer, algorithms: ['none'] }],
      providers: [{ name: 'tokens', type: 'tokens' }],
      grants: [{ ...grant, max_ttl: 'long' }],
      peps: [{ name: 'p', token_sha256: TOKEN, tools: ['orders.*'] }],
      tools: [{ name: 'orders.get', labels: 'private_data' }],
    }
    expect(load(settings).faults.map(({ message }) => message)).to.deep.equal([
      'issuers[0].algorithms[0] is none of the values that there are',
      'providers[0].type is none of the values that there are',
      'grants[0].max_ttl is a text',
      'tools[0].labels is a text',
    ])
    expect(load({ ...LEAST, issuers: 'ci', grants: 'api' }).faults.map(({ message }) => message)).to.deep.equal([
      'issuers is a text',
      'grants is a text',
    ])
  })

  it('never show a secret that stands where its reference should', () => {
    const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldDE='
    const settings = {
      ...LEAST,
      keys: { seal_key: secret, seal_key_file: 5 },
      operators: [{ id: 'ops@example.com', role: secret, token_sha256: secret, token: secret }],
    }
    const { faults } = load(settings)
    expect(faults).to.have.length(5)
    expect(JSON.stringify(faults)).not.to.include(secret)
    const unreadable = load(`keys: { seal_key: ${secret}\nissuers: []`)
    expect(unreadable.faults).not.to.have.length(0)
    expect(JSON.stringify(unreadable.faults)).not.to.include(secret)
  })
})
