import { expect } from 'chai'
import fc from 'fast-check'
import type { AwsGrant } from '../../../src/core/catalogue.ts'
import type { CredentialId } from '../../../src/core/id.ts'
import { denyPolicy } from '../../../src/providers/aws-sts/deny-policy.ts'
import { planSession } from '../../../src/providers/aws-sts/plan-session.ts'
import { ALLOW_ALL, evaluate } from './support/evaluate.ts'
import { ORDERS, orderOf } from './support/orders.ts'

const NOW = Date.parse('2026-11-25T10:00:00.400Z')
const DEADLINE = Date.parse('2026-11-25T10:05:00Z')
const HANDLE = 'crd_01kazzzzzzzzzzzzzzzzzzzzzz' as CredentialId

/** Services, by how the names of their things begin, and how a part of such a name is told from the next. */
const SERVICES = [
  { prefix: 'arn:aws:s3:::', divider: '/', actions: ['GetObject', 'PutObject', 'DeleteObject', 'GetObjectTagging'] },
  { prefix: 'arn:aws:lambda:eu-central-1:123456789012:function:', divider: ':', actions: ['InvokeFunction'] },
  { prefix: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:', divider: '/', actions: ['GetSecretValue'] },
].map(({ prefix, divider, actions }) => {
  const service = prefix.split(':')[2] ?? ''
  return { prefix, divider, actions: actions.map((action) => `${service}:${action}`) }
})
const ACTIONS = SERVICES.flatMap(({ actions }) => actions)
/** Ways out of a session, with something that they could be tried on. */
const ESCAPES: Readonly<Record<string, string>> = {
  'iam:PutRolePolicy': 'arn:aws:iam::123456789012:role/agent-orders',
  'iam:DeleteRolePolicy': 'arn:aws:iam::123456789012:role/agent-orders',
  'iam:CreateAccessKey': 'arn:aws:iam::123456789012:user/somebody',
  'iam:PassRole': 'arn:aws:iam::123456789012:role/other',
  'sts:AssumeRole': 'arn:aws:iam::123456789012:role/other',
  'organizations:LeaveOrganization': '*',
}

const grant: AwsGrant = { ...ORDERS, actions: ACTIONS, resources: SERVICES.map(({ prefix }) => `${prefix}*`) }

/** Names that are prefixes of each other, so that an almost right match shows. */
const part = fc.constantFrom('a', 'ab', 'b', 'orders', 'orders-2')
const service = fc.constantFrom(...SERVICES)
/** A thing of a service, by a name of two parts: a bucket and a key, a function and its version. */
const thing = fc.tuple(service, part, part).map(([{ prefix, divider, actions }, first, second]) => ({
  actions,
  within: `${prefix}${first}${divider}`,
  resource: prefix + first + divider + second,
}))
const resource = fc.tuple(thing, fc.boolean()).map(([each, open]) => (open ? `${each.within}*` : each.resource))
const access = fc.record({
  actions: fc.uniqueArray(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 4 }),
  resources: fc.uniqueArray(fc.oneof({ weight: 6, arbitrary: resource }, fc.constantFrom(...grant.resources)), {
    minLength: 1,
    maxLength: 4,
  }),
  /** Whether the grant names no resources, and so means all. */
  everything: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
})
/** Any request: of a thing, or of a way out. */
const anyRequest = fc.oneof(
  {
    weight: 5,
    arbitrary: thing.chain(({ actions, resource }) =>
      fc.constantFrom(...actions).map((action) => ({ action, resource })),
    ),
  },
  fc.constantFrom(...Object.entries(ESCAPES)).map(([action, on]) => ({ action, resource: on })),
)
/** A request at the edge of an entry: of something that it names, or that begins or ends a little differently. */
const nearRequest = (entry: { readonly actions: readonly string[]; readonly resources: readonly string[] }) =>
  fc
    .tuple(fc.constantFrom(...entry.resources), fc.constantFrom('', '-2', 'b', 'a/b'), part)
    .chain(([resource, more, below]) => {
      const { actions, prefix, divider } = SERVICES.find((each) => resource.startsWith(each.prefix)) ?? SERVICES[0]!
      const exact = resource === `${prefix}*` ? `${prefix}${below}${divider}a` : resource.replace('*', below)
      // A version of a function has no parts of its own.
      const named = divider === ':' ? exact : exact + more
      const granted = actions.filter((action) => entry.actions.includes(action))
      return fc.constantFrom(...actions, ...granted, ...granted).map((action) => ({ action, resource: named }))
    })
const time = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 299_000 }).map((ms) => NOW + ms) },
  fc.integer({ min: 0, max: 3_600_000 }).map((ms) => DEADLINE + ms),
  fc.constantFrom(DEADLINE - 1_000, DEADLINE, DEADLINE + 1_000),
)
/** Handles that have ended: others, or almost this one. */
const neighbours = fc.uniqueArray(
  fc.oneof(
    fc.integer({ min: 1, max: 99 }).map((count) => `crd_${String(count).padStart(26, '0')}`),
    fc.constantFrom(HANDLE.slice(0, -1), `${HANDLE}z`, HANDLE.slice(4), HANDLE.toUpperCase()),
  ),
  { maxLength: 5 },
)
const ended = fc
  .tuple(neighbours, fc.integer({ min: 0, max: 3 }))
  .map(([others, dice]) => (dice === 0 ? [...others, HANDLE] : others))

interface Case {
  readonly access: {
    readonly actions: readonly string[]
    readonly resources: readonly string[]
    readonly everything: boolean
  }
  readonly request: { readonly action: string; readonly resource: string }
  readonly time: number
  readonly ended: readonly string[]
}

/** What the design promises, in its own words and without any policy. */
function promised({ access, request, time, ended }: Case): boolean {
  const inside = access.everything || access.resources.some((each) => matches(each, request.resource))
  return access.actions.includes(request.action) && inside && time < DEADLINE && !ended.includes(HANDLE)
}

const matches = (outer: string, exact: string): boolean =>
  outer.endsWith('*') ? exact.startsWith(outer.slice(0, -1)) : exact === outer

async function decided({ access, request, time, ended }: Case, change = (policy: string) => policy): Promise<boolean> {
  const planned = planSession(
    orderOf(NOW, {
      credential: HANDLE,
      grant: { ...grant, resources: access.everything ? [] : grant.resources },
      access: { grant: grant.name, actions: access.actions, resources: access.everything ? [] : access.resources },
      lease: { ...orderOf(NOW).lease, expiresAt: DEADLINE + 600 },
    }),
  )
  if (!planned.ok) throw new Error(planned.error.detail)
  return await evaluate({
    ...request,
    handle: HANDLE,
    at: time,
    sessionPolicy: change(planned.value.request.policy),
    rolePolicies: [ALLOW_ALL, ...(ended.length > 0 ? [denyPolicy(ended)] : [])],
  })
}

const cases = access.chain((entry) =>
  fc.record({
    access: fc.constant(entry),
    request: fc.oneof({ weight: 3, arbitrary: nearRequest(entry) }, anyRequest),
    time,
    ended,
  }),
)

describe('a session of AWS, judged by an evaluator of IAM that is not ours', () => {
  it('may do exactly what its access entry says, before its deadline, while it has not ended, and never more', async function () {
    this.timeout(120_000)
    let allowed = 0
    await fc.assert(
      fc.asyncProperty(cases, async (each) => {
        const expected = promised(each)
        if (expected) allowed += 1
        expect(await decided(each)).to.equal(expected)
      }),
      { numRuns: 2_500 },
    )
    expect(allowed, 'cases that are allowed at all').to.be.greaterThan(200)
  })

  const broken: readonly (readonly [string, (policy: string) => string])[] = [
    ['a deadline a second late', (policy) => policy.replace('10:05:00Z', '10:05:01Z')],
    ['no deadline', (policy) => policy.replace('DateGreaterThanEquals', 'DateLessThan')],
    ['a deadline that the deadline itself is still before', (policy) => policy.replace('ThanEquals', 'Than')],
    ['one resource more', (policy) => policy.replace('"Resource":["', '"Resource":["arn:aws:s3:::*","')],
    ['one action more', (policy) => policy.replace('"Action":["', '"Action":["s3:GetObject","')],
    ['an open end', (policy) => policy.replace(/"(arn:[^"*]+)"/, '"$1*"')],
  ]
  for (const [what, change] of broken) {
    it(`would be caught with ${what}: a control`, async function () {
      this.timeout(120_000)
      const run = await fc.check(
        fc.asyncProperty(cases, async (each) => (await decided(each, change)) === promised(each)),
        { numRuns: 10_000, endOnFailure: true },
      )
      expect(run.failed).to.be.true
      expect(run.errorInstance, 'it failed for a reason of its own').to.be.an('error')
      expect(String(run.errorInstance)).to.include('Property failed by returning false')
    })
  }

  it('cannot edit the policy that holds it back, whatever its role may do and whatever was granted', async () => {
    const change = (policy: string): string => policy.replace('"Action":["', '"Action":["iam:*","sts:*","')
    const everything = { actions: ['s3:GetObject'], resources: ['*'], everything: true }
    for (const [action, on] of Object.entries(ESCAPES)) {
      const each = { access: everything, request: { action, resource: on }, time: NOW, ended: [] }
      expect(await decided(each, change), action).to.be.false
    }
  })
})
