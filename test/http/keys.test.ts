import Database from 'better-sqlite3'
import { expect } from 'chai'
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTVerifyGetKey } from 'jose'
import { join } from 'node:path'
import { readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'

interface Key {
  readonly kid: string
  readonly use: string
  readonly state: string
  readonly signs_from: string
  readonly ends: string | null
}

/** Under one name, whatever port it gets after a restart: tokens of another issuer are no tokens of it. */
const named = (settings: Record<string, unknown>) => ({
  ...settings,
  server: { ...(settings['server'] as object), public_url: 'https://mayfly.test' },
})

const HOUR_MS = 3_600_000

const keysOf = async (broker: TestBroker): Promise<readonly Key[]> =>
  (await broker.call('GET', '/v1/keys', { token: broker.operator('viewer') })).body.items
const rotate = (broker: TestBroker, body?: object): Promise<Answered> =>
  broker.call('POST', '/v1/keys/rotate', { token: broker.operator('admin'), ...(body && { body }) })
const statesOf = (keys: readonly Key[], use: string): readonly string[] =>
  keys.filter((key) => key.use === use).map(({ state }) => state)
const tokenOf = ({ body }: Answered): string => body.credentials[0].value.access_token
const jwks = (broker: TestBroker) => new URL(`${broker.url}/.well-known/jwks.json`)
const keySet = async (broker: TestBroker) =>
  (await broker.call('GET', '/.well-known/jwks.json')).body as Parameters<typeof createLocalJWKSet>[0]

const verifies = (token: string, keys: JWTVerifyGetKey): Promise<boolean> =>
  jwtVerify(token, keys, { audience: 'https://refunds.test', typ: 'at+jwt' }).then(
    () => true,
    () => false,
  )

async function isActive(broker: TestBroker, token: string): Promise<boolean> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams({ token }).toString()
  return (await broker.call('POST', '/oauth/introspect', { token: broker.pep, body, headers })).body.active
}

describe('the signing keys', () => {
  it('are listed with what each is for, and never with a private half', async () => {
    await using broker = await startTestBroker()
    const { status, body } = await broker.call('GET', '/v1/keys', { token: broker.operator('viewer') })
    expect(status).to.equal(200)
    expect(body.next_cursor).to.equal(null)
    for (const key of body.items)
      expect(key).to.have.all.keys('kid', 'use', 'algorithm', 'state', 'created_at', 'signs_from', 'ends')
    expect(statesOf(body.items, 'access')).to.deep.equal(['current', 'next'])
    expect(statesOf(body.items, 'audit')).to.deep.equal(['current', 'next'])
    const published = (await keySet(broker)).keys.map(({ kid }) => kid)
    expect(body.items.filter(({ use }: Key) => use === 'access').map(({ kid }: Key) => kid)).to.deep.equal(published)
  })

  it('are seen by viewers, rotated by admins, and neither by anybody else', async () => {
    await using broker = await startTestBroker()
    for (const name of ['viewer', 'approver', 'operator'] as const) {
      const token = broker.operator(name)
      expect((await broker.call('GET', '/v1/keys', { token })).status).to.equal(200)
      expectProblem(await broker.call('POST', '/v1/keys/rotate', { token }), 'forbidden', 403)
    }
    const { body: lease } = await broker.request()
    for (const token of [lease.token, broker.identity(), broker.pep])
      for (const [method, path] of [
        ['GET', '/v1/keys'],
        ['POST', '/v1/keys/rotate'],
      ] as const)
        expectProblem(await broker.call(method, path, { token }), 'forbidden', 403)
    expectProblem(await broker.call('POST', '/v1/keys/rotate'), 'unauthenticated', 401)
    expectProblem(await rotate(broker, { reason: '' }), 'invalid-request', 400)
    expectProblem(await rotate(broker, { keys: 'all' }), 'invalid-request', 400)
  })
})

describe('rotating the signing keys', () => {
  it('makes the next ones sign at once, keeps the old ones published until their last token has ended, and is on record', async () => {
    await using broker = await startTestBroker()
    const before = await keysOf(broker)
    const old = tokenOf(await broker.request())
    const { status, body } = await rotate(broker, { reason: 'Yearly drill' })
    expect(status).to.equal(200)
    expect(body.items).to.deep.equal(await keysOf(broker))
    for (const use of ['access', 'audit'])
      expect(statesOf(body.items, use), use).to.deep.equal(['retiring', 'current', 'next'])
    const current = body.items.find(({ use, state }: Key) => use === 'access' && state === 'current')
    expect(current.kid).to.equal(before.find(({ use, state }) => use === 'access' && state === 'next')?.kid)
    const young = tokenOf(await broker.request({ task: 'run-2' }))
    expect(decodeProtectedHeader(young).kid).to.equal(current.kid)

    const retiring = body.items.find(({ use, state }: Key) => use === 'access' && state === 'retiring')
    expect(decodeProtectedHeader(old).kid).to.equal(retiring.kid)
    expect(Date.parse(retiring.ends) - Date.parse(current.signs_from)).to.equal(25 * HOUR_MS)
    const keys = createLocalJWKSet(await keySet(broker))
    expect([await verifies(old, keys), await verifies(young, keys)]).to.deep.equal([true, true])
    expect([await isActive(broker, old), await isActive(broker, young)]).to.deep.equal([true, true])

    const records = await readAudit(broker, 'operations')
    const rotated = recordsOf(records, 'key.rotated')
    expect(rotated.map(({ actor, subject }) => [actor.id, subject['reason']])).to.have.deep.members([
      ['ada@example.com', 'access EdDSA: Yearly drill'],
      ['ada@example.com', 'audit EdDSA: Yearly drill'],
    ])
    expect(rotated.map(({ subject }) => subject['id'])).to.include(current.kid)
    expect(rotated[0]?.request_id).to.be.a('string')

    broker.clock.advance(25 * HOUR_MS)
    await broker.app.sweep()
    expect((await keysOf(broker)).map(({ kid }) => kid)).not.to.include(retiring.kid)
    const gone = recordsOf(await readAudit(broker, 'operations'), 'key.retired')
    expect(gone.map(({ subject }) => subject['id'])).to.deep.equal([retiring.kid])
  })

  it('outlives a restart', async () => {
    await using broker = await startTestBroker({ configure: named })
    const old = tokenOf(await broker.request())
    const { body } = await rotate(broker)
    await broker.app[Symbol.asyncDispose]()
    await using again = await startTestBroker({ folder: broker.folder, configure: named })
    expect(await keysOf(again)).to.deep.equal(body.items)
    expect(await isActive(again, old)).to.equal(true)
    const records = recordsOf(await readAudit(again, 'operations'), 'key.rotated')
    expect(records).to.have.length(2)
  })
})

describe('a rotation under load', () => {
  /** Leases without an end, each token looked at by a resource server that cached the keys, by the broker, and again at the end. */
  async function underLoad(rotations: number) {
    const limits = { leases_per_agent: 5000, lease_requests_per_minute: 100_000 }
    await using broker = await startTestBroker({ configure: (settings) => ({ ...settings, limits }) })
    const remote = createRemoteJWKSet(jwks(broker))
    const onlyCurrent = createLocalJWKSet({ keys: (await keySet(broker)).keys.slice(0, 1) })
    let [over, refused, refusedByControl] = [false, 0, 0]
    const tokens: string[] = []
    const agent = async (number: number): Promise<void> => {
      for (let round = 0; !over; round += 1) {
        const token = tokenOf(await broker.request({ task: `run-${number}-${round}` }))
        tokens.push(token)
        if (!(await verifies(token, remote)) || !(await isActive(broker, token))) refused += 1
        if (!(await verifies(token, onlyCurrent))) refusedByControl += 1
      }
    }
    const agents = Array.from({ length: 8 }, (_, number) => agent(number))
    for (let at = 0; at < rotations; at += 1) {
      const signed = tokens.length
      while (tokens.length < signed + 30) await new Promise((resolve) => setImmediate(resolve))
      expect((await rotate(broker)).status).to.equal(200)
    }
    const signed = tokens.length
    while (tokens.length < signed + 30) await new Promise((resolve) => setImmediate(resolve))
    over = true
    await Promise.all(agents)
    const fresh = createLocalJWKSet(await keySet(broker))
    for (const token of tokens) if (!(await verifies(token, fresh)) || !(await isActive(broker, token))) refused += 1
    return { refused, refusedByControl, signers: new Set(tokens.map((token) => decodeProtectedHeader(token).kid)).size }
  }

  it('is no failure for anybody, a verifier that cached the keys a moment before included', async () => {
    const { refused, refusedByControl, signers } = await underLoad(1)
    expect({ refused, signers }).to.deep.equal({ refused: 0, signers: 2 })
    expect(refusedByControl, 'a verifier that was not told of the next key would fail (a control)').to.be.greaterThan(0)
  })
})

describe('what the ledger knows of the signing keys', () => {
  it('is not needed to verify: where it is lost, what was signed stays good', async () => {
    await using broker = await startTestBroker({ configure: named })
    await rotate(broker)
    const token = tokenOf(await broker.request())
    const keys = await keysOf(broker)
    await broker.app[Symbol.asyncDispose]()
    const db = new Database(join(broker.folder, 'data', 'mayfly.db'))
    db.prepare("delete from meta where name = 'signing_keys'").run()
    db.close()
    await using again = await startTestBroker({ folder: broker.folder, configure: named })
    expect(await keysOf(again)).to.deep.equal(keys)
    expect(await isActive(again, token)).to.equal(true)
    expect(await verifies(token, createLocalJWKSet(await keySet(again)))).to.equal(true)
  })
})
