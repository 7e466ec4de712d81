import { expect } from 'chai'
import fc from 'fast-check'

import { ORDINARY, startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'

const WHOLE = {
  ...ORDINARY,
  intent: { ...ORDINARY.intent, purpose: 'charge', data_classes: ['pii'], on_behalf_of: 'user:dana@example.com' },
  tools: [{ tool: 'orders.get', arguments: { id: { one_of: ['1'], as: 'decimal', max_length: 3 } }, max_calls: 1 }],
  heartbeat: 30,
  context: { runtime: { image: 'sha256:0' } },
}

type Path = readonly (string | number)[]

/** Every place of a JSON value, itself the first. */
function placesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const steps = Array.isArray(value) ? value.keys() : Object.keys(value)
  return [path, ...[...steps].flatMap((step) => placesOf((value as Record<string, unknown>)[step], [...path, step]))]
}

/** The value with another one at that place. */
function withAt(value: unknown, [step, ...rest]: Path, other: unknown): unknown {
  if (step === undefined) return other
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>
  copy[step] = withAt(copy[step], rest, other)
  return copy
}

/** What JSON can hold, in text that is as odd as text can be. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
  fc.constantFrom(
    '',
    null,
    0,
    -1,
    2 ** 31,
    2 ** 53,
    1e308,
    true,
    [],
    {},
    'a'.repeat(5000),
    '\0',
    '\ud800',
    '__proto__',
  ),
)

/** Granted, or refused with the reason: never a fault of the broker, and never an odd form. */
function expectSensible(answer: Answered): void {
  if (answer.status === 201 || answer.status === 202) return
  expect(answer.status, JSON.stringify(answer.body)).to.be.oneOf([400, 403])
  const slug = (answer.body.type as string).replace('urn:mayfly:problem:', '')
  expectProblem(answer, slug as 'invalid-request', answer.status)
}

describe('any lease request', () => {
  let broker: TestBroker
  before(async () => {
    const limits = { lease_requests_per_minute: 100_000, leases_per_agent: 100_000 }
    broker = await startTestBroker({ configure: (settings) => ({ ...settings, limits }) })
  })
  after(() => broker[Symbol.asyncDispose]())

  const send = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    broker.call('POST', '/v1/leases', { token: broker.identity(), body, headers })

  it('is granted as it is: the control', async () => {
    expect((await send(WHOLE)).status).to.equal(201)
  })

  it('with anything at any one place is granted or refused, and is no fault', async () => {
    const place = fc.constantFrom(...placesOf(WHOLE))
    await fc.assert(
      fc.asyncProperty(place, anything, async (path, other) => expectSensible(await send(withAt(WHOLE, path, other)))),
      { numRuns: 150 },
    )
  })

  it('with a member that nobody knows is refused at that member, wherever it is', async () => {
    const objects = placesOf(WHOLE).filter((path) => {
      const at = path.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], WHOLE)
      return typeof at === 'object' && !Array.isArray(at) && path[0] !== 'context' && path.at(-1) !== 'arguments'
    })
    for (const path of objects) {
      const { errors } = expectProblem(await send(withAt(WHOLE, [...path, 'colour'], 'red')), 'invalid-request')
      expect(errorPaths({ errors })).to.deep.equal([`/${[...path, 'colour'].join('/')}`])
    }
  })

  it('with any bytes changed is granted or refused, and is no fault', async () => {
    const text = JSON.stringify(WHOLE)
    const change = fc.record({
      at: fc.nat(text.length - 1),
      drop: fc.nat(8),
      put: fc.string({ maxLength: 4, unit: 'binary' }),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ at, drop, put }) =>
        expectSensible(await send(text.slice(0, at) + put.toWellFormed() + text.slice(at + drop))),
      ),
      { numRuns: 150 },
    )
  })

  it('of a list with any query is answered or refused, and is no fault', async () => {
    const name = fc.constantFrom(
      'limit',
      'cursor',
      'state',
      'agent',
      'owner',
      'task',
      'grant',
      'tier',
      'since',
      'until',
      'x',
    )
    const query = fc.array(fc.tuple(name, fc.string({ maxLength: 12, unit: 'binary' })), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(query, async (pairs) => {
        const path = `/v1/leases?${new URLSearchParams(pairs).toString()}`
        const answer = await broker.call('GET', path, { token: broker.operator('viewer') })
        if (answer.status !== 200) expectProblem(answer, 'invalid-request')
      }),
      { numRuns: 150 },
    )
  })
})
