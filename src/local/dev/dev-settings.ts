import type { NewToken } from '../new-token.ts'

/** Who is in the development configuration. The owner may not approve for the own agent, so there are two people. */
export const DEV = {
  issuer: 'https://dev-issuer.mayfly.invalid',
  audience: 'mayfly',
  agent: 'demo-agent',
  owner: 'dana@example.com',
  operator: 'ops@example.com',
  pep: 'demo-api',
  apiAudience: 'https://demo-api.example',
} as const

export interface DevTokens {
  readonly operator: NewToken
  readonly owner: NewToken
  readonly pep: NewToken
}

/** The text of `.mayfly/mayfly.yaml`: a small configuration that is meant to be read and changed. */
export const devConfiguration = ({ operator, owner, pep }: DevTokens): string => `\
# A development configuration, written once by \`mayfly dev\` and yours from then on. A change of it is loaded at once.
server: { listen: "127.0.0.1:8700", data_dir: ./data }
keys: { seal_key_file: ./keys/seal.key }

issuers: # who may prove an identity: here a key of this folder, which \`mayfly dev identity AGENT\` signs with
  - { name: dev, type: jwks, issuer: "${DEV.issuer}", audience: ${DEV.audience}, jwks_file: ./demo/jwks.json, algorithms: [EdDSA] }

agents:
  - id: ${DEV.agent}
    owner: ${DEV.owner}
    trust: medium
    purposes: [customer-support]
    identities: [{ issuer: dev, subject: ${DEV.agent} }]
    grants: [orders-api, customers-api]
    tools: [orders.get, refunds.create]

operators: # their tokens are beside this file
  - { id: ${DEV.operator}, role: admin, token_sha256: "${operator.token_sha256}" } # operator-token
  - { id: ${DEV.owner}, role: approver, token_sha256: "${owner.token_sha256}" } # owner-token: owns the agent, so may not approve for it

peps: # a tool server, which may ask whether a token is still good
  - { name: ${DEV.pep}, token_sha256: "${pep.token_sha256}", audiences: ["${DEV.apiAudience}"] } # pep-token

providers:
  - { name: tokens, type: jwt }

grants: # the ceiling of what may be asked for
  - { name: orders-api, provider: tokens, audience: "${DEV.apiAudience}", actions: ["order:read", "refund:create"] }
  - { name: customers-api, provider: tokens, audience: "${DEV.apiAudience}", actions: ["customer:read"], labels: [private_data], data_classes: [pii] }
  - { name: payments-api, provider: tokens, audience: "${DEV.apiAudience}", actions: ["payment:send"], labels: [financial] } # nobody's yet

tools: # the catalogue, and what each tool can do: rules select by these labels
  - { name: orders.get, labels: [private_data] }
  - { name: refunds.create, labels: [financial] }
  - { name: email.send, labels: [external_send] } # nobody's yet, like the rest
  - { name: files.delete, labels: [destructive, production] }
  - { name: roles.grant, labels: [access_change] }
  - { name: secrets.read, labels: [credential, derives] }

rules: [./rules/baseline.yaml]
`

/** A first request to try, in \`demo/lease.json\`. */
export const DEV_REQUEST = {
  task: 'try-1',
  intent: {
    goal: 'Refund order 1234 for a damaged item',
    purpose: 'customer-support',
    autonomy: 'supervised',
    origin: 'user',
  },
  access: [{ grant: 'orders-api', actions: ['order:read', 'refund:create'] }],
  tools: [{ tool: 'refunds.create', arguments: { order_id: { equals: '1234' }, amount: { max: 50 } }, max_calls: 1 }],
  ttl: 300,
  context: { runtime: { image: 'dev' } },
} as const
