import { expect } from 'chai'
import { compactVerify, createLocalJWKSet, decodeProtectedHeader } from 'jose'
import { readAudit, recordsOf, STREAMS } from '../support/audit.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'

const MINUTE_MS = 60_000

const read = (broker: TestBroker, path: string) =>
  broker.call('GET', `/v1/audit/${path}`, { token: broker.operator('viewer') })

describe('reading the audit', () => {
  it('goes on after the last record seen, as many at a time as were asked for', async () => {
    await using broker = await startTestBroker()
    for (const task of ['run-1', 'run-2', 'run-3']) await broker.request({ task })
    const { status, headers, body } = await read(broker, 'approved')
    expect(status).to.equal(200)
    expect(headers.get('cache-control')).to.equal('no-store')
    const seqs = ({ items }: { items: readonly { seq: number }[] }): readonly number[] => items.map(({ seq }) => seq)
    expect(seqs(body)).to.deep.equal([1, 2, 3, 4, 5, 6])
    expect(seqs((await read(broker, 'approved?after=2&limit=3')).body)).to.deep.equal([3, 4, 5])
    expect(seqs((await read(broker, 'approved?after=6')).body)).to.deep.equal([])
    expect(seqs((await read(broker, 'approved?after=9007199254740991')).body)).to.deep.equal([])
  })

  it('refuses a limit or place that is none, and knows three streams', async () => {
    await using broker = await startTestBroker()
    const queries = [
      'limit=0',
      'limit=201',
      'limit=x',
      'limit=',
      'after=-1',
      'after=1.5',
      'after=9007199254740992',
      'x=1',
    ]
    for (const query of queries) expect((await read(broker, `approved?${query}`)).status, query).to.equal(400)
    expect((await read(broker, 'approved?limit=1&limit=2')).status, 'twice').to.equal(400)
    for (const stream of ['everything', 'Approved', '__proto__'])
      expect((await read(broker, stream)).status, stream).to.equal(404)
  })

  it('is for operators of any role, and for nobody else', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    for (const path of [...STREAMS, 'checkpoint', 'keys']) {
      for (const role of ['viewer', 'approver', 'operator', 'admin'] as const) {
        const { status } = await broker.call('GET', `/v1/audit/${path}`, { token: broker.operator(role) })
        expect(status, `${role} ${path}`).to.equal(200)
      }
      for (const token of [lease.token, broker.identity(), broker.pep])
        expect((await broker.call('GET', `/v1/audit/${path}`, { token })).status, path).to.equal(403)
      expect((await broker.call('GET', `/v1/audit/${path}`)).status, path).to.equal(401)
    }
  })
})

describe('the audit’s checkpoint', () => {
  it('states the head of each chain and the time, signed with a key of its own', async () => {
    await using broker = await startTestBroker()
    await broker.request()
    const checkpoint = await read(broker, 'checkpoint')
    expect(checkpoint.status).to.equal(200)
    expect(decodeProtectedHeader(checkpoint.body)).to.include({ typ: 'mayfly-audit+jwt', alg: 'EdDSA' })
    const keys = (await read(broker, 'keys')).body
    const { payload } = await compactVerify(checkpoint.body, createLocalJWKSet(keys))
    const stated = JSON.parse(new TextDecoder().decode(payload))
    const heads = await Promise.all(
      STREAMS.map(async (stream) => {
        const { seq = 0, hash = '0'.repeat(64) } = (await readAudit(broker, stream)).at(-1) ?? {}
        return [stream, { seq, hash }] as const
      }),
    )
    expect(stated).to.have.all.keys('streams', 'time')
    expect(stated.streams).to.deep.equal(Object.fromEntries(heads))
    expect(stated.streams.denied, 'nothing was refused yet').to.deep.equal({ seq: 0, hash: '0'.repeat(64) })
    expect(Date.parse(stated.time)).to.be.closeTo(broker.clock.now(), 5000)

    const accessKeys = createLocalJWKSet((await broker.call('GET', '/.well-known/jwks.json')).body)
    const accepted = await compactVerify(checkpoint.body, accessKeys).catch(() => 'refused')
    expect(accepted, 'the keys of access tokens know nothing of it').to.equal('refused')
  })

  it('still verifies after a restart', async () => {
    await using first = await startTestBroker()
    const { body: kept } = await read(first, 'checkpoint')
    await first.app[Symbol.asyncDispose]()
    await using second = await startTestBroker({ folder: first.folder })
    const { body: keys } = await read(second, 'keys')
    const { payload } = await compactVerify(kept, createLocalJWKSet(keys))
    const { seq, hash } = JSON.parse(new TextDecoder().decode(payload)).streams.operations
    const { body } = await read(second, `operations?after=${seq - 1}&limit=1`)
    expect(body.items[0]).to.include({ seq, hash })
  })
})

describe('refusals before anybody is known', () => {
  const refusals = async (broker: TestBroker) =>
    recordsOf(await readAudit(broker, 'denied'), 'auth.refused').map(({ actor, subject }) => ({ actor, subject }))
  const from = { type: 'anonymous', id: '127.0.0.1' }

  it('cost one record a minute and source, however many there are', async () => {
    await using broker = await startTestBroker()
    const storm = (proofs: number) =>
      Promise.all(Array.from({ length: proofs }, () => broker.call('GET', '/v1/whoami', { token: 'nonsense' })))
    await storm(50)
    const [first, ...more] = await refusals(broker)
    expect(first).to.deep.include({ actor: from })
    expect(first?.subject).to.include({ id: '127.0.0.1', outcome: 'refused' })
    expect(first?.subject['reason'], 'the record says what the caller is not told').to.be.a('string')
    expect(more, 'the others are counted').to.be.empty

    broker.clock.advance(MINUTE_MS)
    await broker.app.sweep()
    expect((await refusals(broker)).slice(1)).to.deep.equal([
      { actor: from, subject: { id: '127.0.0.1', outcome: 'refused', reason: '49 more within a minute' } },
    ])
    await storm(3)
    expect(await refusals(broker), 'the next minute has had its record').to.have.length(2)
    broker.clock.advance(MINUTE_MS)
    await broker.app.sweep()
    expect((await refusals(broker)).at(-1)?.subject['reason']).to.equal('3 more within a minute')
    broker.clock.advance(MINUTE_MS)
    await broker.app.sweep()
    expect(await refusals(broker), 'a quiet minute costs nothing').to.have.length(3)
  })

  it('that were counted are not lost in a stop', async () => {
    await using first = await startTestBroker()
    for (let proof = 0; proof < 4; proof += 1) await first.call('GET', '/v1/whoami', { token: 'nonsense' })
    await first.app[Symbol.asyncDispose]()
    await using second = await startTestBroker({ folder: first.folder })
    expect((await refusals(second)).at(-1)?.subject['reason']).to.equal('3 more within a minute')
  })

  it('name an identity that is proven and nobody’s, too', async () => {
    await using broker = await startTestBroker()
    const { status, body } = await broker.call('GET', '/v1/whoami', { token: broker.identity('stranger') })
    expect(status).to.equal(403)
    expect(body.type).to.equal('urn:mayfly:problem:unknown-agent')
    expect(await refusals(broker)).to.have.length(1)
  })
})
