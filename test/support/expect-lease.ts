import { expect } from 'chai'

/* eslint-disable @typescript-eslint/no-explicit-any -- the answer is what is being tested */

const LEASE =
  'id state task agent owner parent root created_at expires_at max_expires_at heartbeat frozen intent access tools ' +
  'decision approval credentials children used closed_at outcome reason'
const LEFT_OUT_OF_LISTS = ['intent', 'children', 'used']
const CREDENTIAL =
  'id lease grant type state outcome issued_at expires_at hard_expires_at revocation offline_until effective_after ' +
  'confirmed_at attempts next_attempt_at stuck last_error fingerprint'

const ID = /^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The lease object of api.md, to the member: none is left out, and none is there beside those named in `extra`. */
export function expectLease(lease: any, ...extra: readonly string[]): void {
  expect(Object.keys(lease)).to.have.members([...LEASE.split(' '), ...extra])
  expect(lease.used).to.deep.equal({ actions_allowed: 0, actions_denied: 0, actions_asked: 0, by_tool: {} })
  expect(lease.intent).to.have.all.keys('goal', 'purpose', 'data_classes', 'autonomy', 'origin', 'on_behalf_of')
  expect(lease.children).to.deep.equal([])
  expectCommon(lease)
  expect(lease.decision.risk).to.have.all.keys('score', 'tier', 'factors')
}

/** A row of a list: the lease without intent, factors, children and use. */
export function expectLeaseRow(lease: any): void {
  expect(Object.keys(lease)).to.have.members(LEASE.split(' ').filter((name) => !LEFT_OUT_OF_LISTS.includes(name)))
  expectCommon(lease)
  expect(lease.decision.risk).to.have.all.keys('score', 'tier')
}

/** A credential of api.md, to the member; `value` only where it was minted. */
export function expectCredential(credential: any, ...extra: readonly string[]): void {
  expect(Object.keys(credential)).to.have.members([...CREDENTIAL.split(' '), ...extra])
  expect(credential.id).to.match(ID).and.match(/^crd_/)
  for (const name of ['issued_at', 'expires_at']) expect(credential[name]).to.match(TIME)
  expect(credential.fingerprint).to.match(/^[0-9a-f]{64}$/)
}

function expectCommon(lease: any): void {
  for (const name of ['id', 'root']) expect(lease[name]).to.match(ID).and.match(/^lse_/)
  for (const name of ['created_at', 'expires_at']) expect(lease[name]).to.match(TIME)
  for (const name of ['max_expires_at', 'closed_at']) if (lease[name] !== null) expect(lease[name]).to.match(TIME)
  for (const entry of lease.access) expect(entry).to.have.all.keys('grant', 'actions', 'resources')
  for (const entry of lease.tools) expect(entry).to.have.all.keys('tool', 'arguments', 'max_calls', 'only')
  expect(lease.decision).to.have.all.keys('id', 'effect', 'risk', 'rules', 'rules_digest', 'broad')
  expect(lease.decision.id).to.match(ID).and.match(/^dec_/)
  expect(lease.decision.rules_digest).to.match(/^sha256:[0-9a-f]{64}$/)
  for (const rule of lease.decision.rules) expect(rule).to.have.all.keys('id', 'effect', 'reason', 'mode')
  if (lease.approval !== null)
    expect(lease.approval).to.have.all.keys('id', 'digest', 'expires_at', 'status_url', 'review_url')
}

/** The object without these members. */
export const without = (object: any, ...names: readonly string[]): object =>
  Object.fromEntries(Object.entries(object as object).filter(([name]) => !names.includes(name)))
