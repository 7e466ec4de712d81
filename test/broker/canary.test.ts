import Database from 'better-sqlite3'
import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { STREAMS } from '../support/audit.ts'
import { ORDINARY, type Answered, type TestBroker } from '../support/broker.ts'
import { startBrokerProcess, type ProcessBroker } from '../support/broker-process.ts'
import { crashWorld, type CrashWorld } from '../support/crash-world.ts'
import { filesUnder, place, placesOf, type Place } from '../support/find-secrets.ts'
import { readLedger } from '../support/ledger-file.ts'
import type { MintScript, RevokeScript } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { WAREHOUSE } from '../support/upstream-broker.ts'

const MINTS: readonly MintScript[] = [
  ...(['lost', 'silent', 'unreachable', 'permanent', 'throttled', 'unknown', 'throws'] as const),
  ...(['outlives', 'overpromises', 'nameless'] as const),
]
const REVOCATIONS: readonly RevokeScript[] = [
  ...(['lost', 'gone', 'unreachable', 'permanent', 'throttled', 'unknown', 'throws'] as const),
  ...(['propagating', 'at_expiry'] as const),
]
const BOTH = [WAREHOUSE, ...ORDINARY.access]

/** Everything that a broker says over HTTP, but for the secrets in the one answer that is theirs. */
interface Overheard {
  readonly call: TestBroker['call']
  readonly places: readonly Place[]
  /** Tokens and credentials that left: they may stand nowhere else. */
  readonly secrets: readonly string[]
  /** The answers as they were. */
  readonly answers: readonly Place[]
}

function overhear(call: TestBroker['call']): Overheard {
  const [places, secrets, answers]: [Place[], string[], Place[]] = [[], [], []]
  const strings = (value: unknown): readonly string[] =>
    typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(strings)
  return {
    places,
    secrets,
    answers,
    call: async (method, path, options) => {
      const answer = await call(method, path, options)
      const name = `${method} ${path} ${answer.status}`
      const kept = JSON.stringify(answer.body, (member, value: unknown) => {
        if (answer.status >= 300 || (member !== 'token' && member !== 'value')) return value
        // A handle is no secret: it is what the credential goes by everywhere.
        secrets.push(...strings(value).filter((text) => text.length > 20 && !text.startsWith('h-')))
        return undefined
      })
      places.push(place(name, `${kept}${JSON.stringify([...answer.headers])}`))
      answers.push(place(name, JSON.stringify(answer.body)))
      return answer
    },
  }
}

/** Whatever a broker does with a credential, and whatever goes wrong with it. */
async function doEverything(world: CrashWorld, broker: ProcessBroker): Promise<void> {
  const { upstream } = world
  const operator = world.operator('admin')
  const operate = (path: string, body: object): Promise<Answered> =>
    broker.call('POST', path, { token: operator, body: { reason: 'Stop', ...body } })
  const request = (over: object = {}): Promise<Answered> =>
    broker.call('POST', '/v1/leases', { token: world.identity(), body: { ...ORDINARY, access: BOTH, ...over } })
  const complete = (id: string, token: string): Promise<Answered> =>
    broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } })
  const later = async (seconds: number): Promise<void> => {
    await world.advance(broker, seconds * 1000)
    await broker.sweep()
  }

  const lease = await world.grant(broker)
  const own = `/v1/leases/${lease.id}`
  await broker.call('GET', own, { token: lease.token })
  await broker.call('POST', `${own}/heartbeat`, { token: lease.token })
  await broker.call('POST', `${own}/renew`, { token: lease.token, body: { ttl: 600 } })
  await later(250)
  const fetched = await broker.call('POST', `${own}/credentials`, {
    token: lease.token,
    body: { grant: WAREHOUSE.grant },
  })
  expect(fetched.status).to.equal(201)
  await broker.call('POST', `${own}/credentials`, { token: lease.token, body: { grant: WAREHOUSE.grant } })
  await broker.call('GET', '/v1/leases', { token: 'mfl_of_nobody' })
  await world.grant(broker, {}, { 'idempotency-key': 'one' })
  await world.grant(broker, {}, { 'idempotency-key': 'one', 'mayfly-reissue': 'true' })
  await request({ intent: { ...ORDINARY.intent, purpose: 'deny' } })
  await request({ intent: { ...ORDINARY.intent, purpose: 'ask' } })
  await request({ wrong: true })

  for (const mint of MINTS) {
    upstream.script({ mint })
    expect((await request()).status, mint).to.equal(502)
  }
  upstream.script({ mint: 'ok' })
  for (const revoke of REVOCATIONS) {
    upstream.script({ revoke: 'ok' })
    const { body } = await request({ task: revoke })
    upstream.script({ revoke })
    expect((await complete(body.id, body.token)).status, revoke).to.equal(200)
    await broker.sweep()
  }
  upstream.script({ revoke: 'ok' })
  const revoked = await world.grant(broker, { task: 'revoked' })
  await operate(`/v1/leases/${revoked.id}/revoke`, {})
  const frozen = await operate('/v1/freeze', { scope: { all: true } })
  expect((await request()).status).to.equal(503)
  await operate('/v1/unfreeze', { id: frozen.body.id })
  await operate('/v1/owners/dana@example.com/revoke', {})
  await operate('/v1/owners/dana@example.com/restore', {})
  await later(3600)

  const lists = ['/v1/leases', '/v1/credentials', '/v1/approvals', '/v1/agents', '/v1/freezes', '/v1/audit/checkpoint']
  for (const path of [...lists, ...STREAMS.map((stream) => `/v1/audit/${stream}`)])
    expect(
      (await broker.call('GET', `${path}?limit=200`.replace(/(checkpoint).*/, '$1'), { token: operator })).status,
    ).to.equal(200)
  expect((await broker.call('GET', '/metrics')).status).to.equal(200)
}

describe('a secret', function () {
  this.timeout(60_000)

  it('stands in no log, error, metric, record, page of the database or crash report', async () => {
    await using world = await crashWorld({ timeoutMs: 300 })
    await using reports = await temporaryFolder()
    await using process = await startBrokerProcess({ reportsTo: reports.path })
    const started = await world.startIn(process)
    const heard = overhear(started.call)
    const broker = { ...started, call: heard.call }
    await doEverything(world, broker)
    // Whoever was revoked has to ask a human before the same task goes on.
    const task = { task: 'another' }
    await world.grant(broker, task)
    const pages = await filesUnder(join(world.folder, 'data'))

    // It crashes while the secret is in its hands, and so does the next one.
    await broker.arm({ step: 'reveal', when: 'after' })
    world.grant(broker, task).catch(() => undefined)
    await broker.reached
    await process.crash()
    expect(await process.ended).to.equal(1)
    await using next = await startBrokerProcess()
    const other = await world.startIn(next)
    await other.arm({ step: 'record', when: 'inside' })
    world.grant(other, task).catch(() => undefined)
    await other.reached
    expect(await next.ended).to.equal('SIGKILL')

    const operators = (['admin', 'operator', 'approver', 'viewer'] as const).map(world.operator)
    const secrets = [...world.upstream.canaries(), ...heard.secrets, ...operators]
    const crash = await filesUnder(reports.path)
    const logs = [place('the log', process.log()), place('the log of the next one', next.log())]
    const places = [...logs, ...crash, ...heard.places, ...pages, ...(await filesUnder(join(world.folder, 'data')))]
    const names = places.map(({ name }) => name)
    expect(names).to.include.members(['mayfly.db', 'mayfly.db-wal', 'GET /metrics 200'])
    expect(crash, 'a report').to.have.length(1)
    expect(world.upstream.canaries()).to.have.length.greaterThan(40)
    expect(placesOf(secrets, places)).to.deep.equal([])

    // The same search finds what is there (a control): the secrets in their own answers, and their digests in the pages.
    expect(placesOf(world.upstream.canaries(), heard.answers)).to.include('POST /v1/leases 201')
    const digests = heard.secrets.map((secret) => createHash('sha256').update(secret).digest('hex'))
    expect(placesOf(digests, pages)).to.include('mayfly.db-wal')
    expect(JSON.parse(String(crash[0]?.content)).javascriptStack.message).to.equal('Error: A bug')
    expect(process.log()).to.include('Error: A bug\n')
  })

  it('would be found in the log of a provider whose errors hold it (a control)', async () => {
    await using world = await crashWorld({ leaky: true })
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process)
    world.upstream.script({ mint: 'permanent' })
    await world.grant(broker).catch(() => undefined)
    expect(placesOf(world.upstream.canaries(), [place('the log', process.log())])).to.deep.equal(['the log'])
  })

  it('would be found in a row, in whatever form it was written (a control)', async () => {
    await using world = await crashWorld()
    await using process = await startBrokerProcess()
    const lease = await world.grant(await world.startIn(process))
    await process.kill()
    const [secret = ''] = world.upstream.canaries().filter((each) => each.startsWith('canary-secret'))
    const bytes = Buffer.from(secret)
    const forms = ['', '.', '..'].map((before) => Buffer.from(`${before}${secret}!`).toString('base64'))
    for (const form of [secret, bytes.toString('hex'), bytes.toString('base64url'), ...forms]) {
      const db = new Database(join(world.folder, 'data', 'mayfly.db'))
      db.prepare('update lease set reason = ? where id = ?').run(form, lease.id)
      db.close()
      const pages = await filesUnder(join(world.folder, 'data'))
      expect(placesOf([secret], pages), form).to.not.deep.equal([])
    }
    expect(readLedger(world.folder).leases.size).to.equal(1)
  })
})
