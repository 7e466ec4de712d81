import { fileURLToPath } from 'node:url'

import type { NewToken } from '../../src/local/new-token.ts'

/** Who plays. The agent's owner may not approve for it, so there are two people. */
export const CAST = {
  agent: 'support-bot',
  owner: 'dana@example.com',
  approver: 'sam@example.com',
  brokerAudience: 'urn:mayfly:demo-broker',
  apiAudience: 'https://shop.example',
} as const

const BASELINE = fileURLToPath(new URL('../../config/rules/baseline.yaml', import.meta.url))

interface Written {
  readonly issuer: string
  readonly owner: NewToken
  readonly approver: NewToken
  readonly api: NewToken
}

/** The broker's configuration, as an operator would write it. */
export const demoConfiguration = ({ issuer, owner, approver, api }: Written): string => `\
server: { listen: "127.0.0.1:0", data_dir: ./data }
keys: { seal_key_file: ./seal.key }

issuers: # who may prove an identity
  - { name: company, type: oidc, issuer: "${issuer}", audience: "${CAST.brokerAudience}", algorithms: [ES256] }

agents: # who may ask, and for what at the most
  - id: ${CAST.agent}
    owner: ${CAST.owner}
    trust: medium
    purposes: [customer-support]
    identities: [{ issuer: company, subject: ${CAST.agent} }]
    grants: [orders, customers, accounts]

operators:
  - { id: ${CAST.owner}, role: approver, token_sha256: "${owner.token_sha256}" }
  - { id: ${CAST.approver}, role: operator, token_sha256: "${approver.token_sha256}" }

peps: # who may ask whether a token still holds
  - { name: shop-api, token_sha256: "${api.token_sha256}", audiences: ["${CAST.apiAudience}"] }

providers:
  - { name: tokens, type: jwt }

grants:
  - { name: orders, provider: tokens, audience: "${CAST.apiAudience}", actions: ["order:read", "refund:create"] }
  - { name: customers, provider: tokens, audience: "${CAST.apiAudience}", actions: ["customer:export"], data_classes: [pii] }
  - { name: payments, provider: tokens, audience: "${CAST.apiAudience}", actions: ["payment:send"] } # nobody's
  - { name: accounts, provider: tokens, audience: "${CAST.apiAudience}", actions: ["iam:CreateUser"] } # given by mistake

rules: ["${BASELINE}", ./rules.yaml]
`

/** One rule of the operator's own, beside the pack that Mayfly ships. */
export const DEMO_RULES = `\
version: 1
rules:
  - id: exports-need-a-person
    on: lease
    grants: [customers]
    when: access.exists(a, "customer:export" in a.actions)
    effect: ask
    approvals: 1
    reason: Customer data leaves in bulk
`
