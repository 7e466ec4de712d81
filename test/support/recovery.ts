import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import type { Recovery } from '../../src/core/recovery.ts'
import type { Answered, OperatorName, TestBroker } from './broker.ts'

type Caller = Pick<TestBroker, 'call' | 'operator'>

/** What `GET /v1/recovery` says. */
export const recoveryOf = async (broker: Caller) =>
  (await broker.call('GET', '/v1/recovery', { token: broker.operator('viewer') })).body

export const beginRecovery = (broker: Caller, as: OperatorName = 'admin'): Promise<Answered> =>
  broker.call('POST', '/v1/recovery/begin', { token: broker.operator(as), body: { reason: 'A laptop was stolen' } })

export const acknowledge = (broker: Caller, body?: object, as: OperatorName = 'admin'): Promise<Answered> =>
  broker.call('POST', '/v1/recovery/acknowledge', { token: broker.operator(as), ...(body && { body }) })

/** `leases: done`, `up: failed`: every step, in order. */
export const stepsOf = async (broker: Caller): Promise<readonly string[]> =>
  (await recoveryOf(broker)).steps.map(
    ({ step, name, state }: { step: string; name: string | null; state: string }) => `${name ?? step}: ${state}`,
  )

/** What `mayfly backup` writes into its copy of a ledger: whoever starts on it stands in a recovery. */
export const RESTORED: Recovery = {
  cause: 'restored',
  detail: 'its ledger was restored from the backup of 2027-03-01T12:00:00.000Z',
  since: null,
  begun: null,
  cutOffs: {},
}

/** Writes that into the ledger of a broker that does not run. */
export function markRestored(folder: string): void {
  const db = new Database(join(folder, 'data', 'mayfly.db'))
  db.prepare("insert into meta (name, value) values ('recovery', ?)").run(JSON.stringify(RESTORED))
  db.close()
}

/** The recovery that the ledger of one folder stands in, read past the broker. */
export function recoveryIn(folder: string): Recovery | undefined {
  const db = new Database(join(folder, 'data', 'mayfly.db'), { readonly: true })
  try {
    const kept = db.prepare<[], string>("select value from meta where name = 'recovery'").pluck().get()
    return kept === undefined ? undefined : (JSON.parse(kept) as Recovery)
  } finally {
    db.close()
  }
}

/** Whether this access token is good at this instant, as an operator sees it. */
export async function isActive(broker: Caller, token: string): Promise<boolean> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams({ token }).toString()
  const { status, body: said } = await broker.call('POST', '/oauth/introspect', {
    token: broker.operator('viewer'),
    headers,
    body,
  })
  expect(status).to.equal(200)
  return said.active as boolean
}
