import { randomBytes } from 'node:crypto'
import type { Approval } from '../../src/core/approval.ts'
import type { Credential } from '../../src/core/credential.ts'
import type { Lease } from '../../src/core/lease.ts'
import { createNewIds } from '../../src/identity/new-ids.ts'

const NOW = Date.UTC(2026, 10, 25)
const ids = createNewIds(() => NOW)

/** An active lease as the broker would store it, with a token of its own. */
export function sampleLease(over: Partial<Lease> = {}): Lease {
  const id = ids.lease()
  return {
    id,
    state: 'active',
    fence: 0,
    task: 'run-1',
    agent: 'support-bot',
    owner: 'dana@example.com',
    rootAgent: 'support-bot',
    instance: '',
    identity: { issuer: 'test', claims: { sub: 'support-bot' }, address: '127.0.0.1' },
    parent: null,
    root: id,
    depth: 0,
    createdAt: NOW,
    activatedAt: NOW,
    expiresAt: NOW + 300_000,
    maxExpiresAt: NOW + 3_600_000,
    ttlSeconds: 300,
    heartbeatSeconds: null,
    silentAt: null,
    intent: {
      goal: 'Refund order 1234',
      purpose: '',
      dataClasses: [],
      autonomy: 'supervised',
      origin: 'user',
      onBehalfOf: null,
    },
    context: {},
    access: [{ grant: 'refunds-api', actions: ['refund:create'], resources: [] }],
    tools: [],
    decision: {
      id: ids.decision(),
      effect: 'allow',
      risk: { score: 0, tier: 'low', factors: [] },
      rules: [],
      asks: [],
      maxTtlSeconds: 900,
      rulesDigest: 'sha256:0',
      broad: [],
    },
    approval: null,
    tokenHash: randomBytes(32).toString('hex'),
    tokenUsed: false,
    closedAt: null,
    closedBy: null,
    outcome: null,
    reason: null,
    ...over,
  }
}

export function sampleCredential(lease: Lease, over: Partial<Credential> = {}): Credential {
  const id = ids.credential()
  return {
    id,
    lease: lease.id,
    grant: 'refunds-api',
    provider: 'tokens',
    target: null,
    handle: id,
    depth: 0,
    boot: 'test',
    sealed: null,
    notAfter: NOW + 300_000,
    revokingAt: null,
    type: 'jwt',
    state: 'active',
    fence: 0,
    outcome: null,
    issuedAt: NOW,
    expiresAt: NOW + 300_000,
    hardExpiresAt: null,
    revocation: 'immediate',
    offlineUntil: NOW + 300_000,
    effectiveAfter: null,
    confirmedAt: null,
    attempts: 0,
    nextAttemptAt: null,
    stuck: false,
    lastError: null,
    fingerprint: '0'.repeat(64),
    ...over,
  }
}

export function sampleApproval(lease: Lease, over: Partial<Approval> = {}): Approval {
  return {
    id: ids.approval(),
    kind: 'lease',
    state: 'pending',
    fence: 0,
    lease: lease.id,
    abandon: null,
    action: null,
    permission: null,
    agent: lease.agent,
    owner: lease.owner,
    task: lease.task,
    createdAt: NOW,
    expiresAt: NOW + 900_000,
    subject: { lease: lease.id },
    digest: 'sha256:0',
    asks: [{ by: 'asks', reason: 'It was asked to ask', approvals: 1, approvers: null }],
    answered: [],
    needed: 1,
    approvedBy: [],
    deniedBy: null,
    reason: null,
    ...over,
  }
}
