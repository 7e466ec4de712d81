import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { fileSources } from '../../src/config/file-sources.ts'
import { loadPolicy } from '../../src/local/load-policy.ts'
import { FILE, said, sourcesOf } from './support/configuration-files.ts'

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** The configuration of the design, to the letter: it names parts that are not built, and tools of a larger catalogue. */
const DESIGN = `
issuers:                     # who may prove an identity
  - { name: ci, type: oidc, issuer: "https://token.actions.githubusercontent.com", audience: mayfly, algorithms: [RS256], require: { repository_id: "123", ref: "refs/heads/main" } }
  - { name: mesh, type: spiffe, trust_domain: prod.example, audience: mayfly, bundle_file: ./bundle.json }
agents:
  - { id: support-bot, owner: dana@example.com, trust: medium, autonomy: supervised, purposes: [customer-support],
      identities: [ { issuer: mesh, subject: "spiffe://prod.example/support-bot" } ],     # subject and/or claims: {name: value}, exact
      instance_claims: [run_id], heartbeat: null, grants: [refunds-api, orders-bucket], tools: [orders.get, refunds.create, email.send] }
providers:
  - { name: tokens, type: jwt }
  - { name: aws-prod, type: aws-sts, region: eu-central-1 }
  - { name: vault-main, type: vault, address: "https://vault.internal:8200", auth: { method: approle, role_id_file: ./role-id, secret_id_file: ./secret-id } }
grants:
  - { name: refunds-api, provider: tokens, audience: "https://refunds.internal", actions: ["refund:create", "refund:read"], max_ttl: 300, labels: [financial], data_classes: [pii] }
  - { name: orders-bucket, provider: aws-prod, role_arn: "arn:aws:iam::123456789012:role/agent-orders", actions: ["s3:GetObject"], resources: ["arn:aws:s3:::orders/*"], labels: [private_data] }
  - { name: orders-db, provider: vault-main, path: database/creds/orders-ro, labels: [private_data] }
tools:                       # the catalogue; agents[].tools may only name what is here
  - { name: email.send, labels: [external_send], recipients: [to, cc, bcc], content: [subject, body] }
  - { name: web.fetch, labels: [untrusted_input], urls: [url] }
  - { name: bank.pay, labels: [financial], payees: [iban], values: [amount] }
  - { name: files.delete, labels: [destructive], targets: [file_id], record_arguments: full }
directory: { domains: [example.com], addresses: [], people: [], accounts: [], file: ./directory.yaml }   # who is known without asking
rules: [ ./rules/baseline.yaml, ./rules/support.yaml ]
`

const rules = {
  '/etc/mayfly/rules/baseline.yaml': readFileSync(at('config/rules/baseline.yaml'), 'utf8'),
  '/etc/mayfly/rules/support.yaml': 'version: 1',
  '/etc/mayfly/role-id': 'role',
  '/etc/mayfly/secret-id': 'secret',
}
const load = (text: string) => loadPolicy(FILE, sourcesOf({ files: { [FILE]: text, ...rules } }))

/** The lines of a text without those that hold one of the words. */
const withoutLines = (text: string, ...words: readonly string[]): string =>
  text
    .split('\n')
    .filter((line) => !words.some((word) => line.includes(word)))
    .join('\n')

describe("the design's own configuration", () => {
  it('is faulted for nothing but what is not built and not in its catalogue', () => {
    const policy = load(DESIGN)
    expect(policy.ok ? [] : said(policy.error)).to.deep.equal([
      'Issuers of type spiffe are not built yet. Use oidc or jwks.',
      'There is no tool orders.get. Add it, or name one of: email.send, web.fetch, bank.pay, files.delete.',
      'There is no tool refunds.create. Add it, or name one of: email.send, web.fetch, bank.pay, files.delete.',
    ])
  })

  it('loads once those are taken out, with a warning for each member that nothing enforces', () => {
    const built = withoutLines(
      DESIGN,
      'type: spiffe',
      'type: aws-sts',
      'type: vault',
      'name: orders-bucket',
      'name: orders-db',
    )
      .replace('{ issuer: mesh,', '{ issuer: ci,')
      .replace('[refunds-api, orders-bucket]', '[refunds-api]')
      .replace('[orders.get, refunds.create, email.send]', '[email.send]')
    const policy = load(built)
    if (!policy.ok) throw new Error(said(policy.error).join('\n'))
    const { configuration, warnings } = policy.value
    expect(configuration.catalogue.agents.get('support-bot')).to.deep.include({
      owner: 'dana@example.com',
      trust: 'medium',
      autonomy: 'supervised',
      purposes: ['customer-support'],
      instanceClaims: ['run_id'],
      heartbeatSeconds: null,
    })
    const members = [
      'directory',
      'tools[].recipients',
      'tools[].payees',
      'tools[].urls',
      'tools[].targets',
      'tools[].values',
      'tools[].content',
      'tools[].record_arguments',
    ]
    expect(warnings.map(({ message }) => message)).to.have.members([
      ...members.map((name) => `${name} is read, and nothing enforces it yet`),
      'No grant or tool carries access_change, credential, production, derives: what rules of this file say of that never holds',
    ])
  })
})

describe('the example configuration', () => {
  const file = at('config/mayfly.example.yaml')
  const text = readFileSync(file, 'utf8')

  it('loads with its rules, and nothing in it does nothing', () => {
    const policy = loadPolicy(file, fileSources({}))
    if (!policy.ok) throw new Error(said(policy.error).join('\n'))
    expect(policy.value.rules.lease).not.to.have.length(0)
    expect(policy.value.configuration.warnings).to.deep.equal([])
  })

  it('names its schema first, and the baseline', () => {
    expect(text.split('\n')[0]).to.equal('# yaml-language-server: $schema=./mayfly.schema.json')
    expect(text).to.include('\nrules: [./rules/baseline.yaml]\n')
  })

  it('shows defaults that are the defaults, and choices that load', () => {
    const commented = /^# ((?:limits|approvals|sweep|store|labels):(?:.*\n)(?:# {3}\w.*\n)*)/gm
    const shown = Array.from(text.matchAll(commented), ([, block]) => (block ?? '').replace(/^# /gm, '')).join('')
    expect(shown.match(/^\w+:/gm)).to.deep.equal(['labels:', 'limits:', 'approvals:', 'sweep:', 'store:'])
    const [bare, full] = [text, text + shown].map((each) => {
      const policy = loadPolicy(file, {
        ...fileSources({}),
        readFile: (path) => (path === file ? each : readFileSync(path, 'utf8')),
      })
      if (!policy.ok) throw new Error(said(policy.error).join('\n'))
      return policy.value.configuration
    })
    expect(full?.limits).to.deep.equal(bare?.limits)
    expect(full?.approvals).to.deep.equal(bare?.approvals)
    expect(full?.sweepEvery).to.equal(bare?.sweepEvery)
  })
})
