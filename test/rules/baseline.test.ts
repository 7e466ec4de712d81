import { expect } from 'chai'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'

import { leaseFacts } from '../../src/broker/lease-facts.ts'
import { resolveAccess } from '../../src/broker/resolve-access.ts'
import {
  AUTONOMY,
  BUILT_IN_LABELS,
  ORIGINS,
  type Agent,
  type Catalogue,
  type Grant,
  type Tool,
} from '../../src/core/catalogue.ts'
import type { Verdict } from '../../src/core/decision.ts'
import type { LeaseFacts } from '../../src/core/facts.ts'
import type { DeclaredIntent } from '../../src/core/intent.ts'
import type { Json } from '../../src/core/json.ts'
import { judgeLease } from '../../src/core/judge.ts'
import { checkRules } from '../../src/local/check-rules.ts'
import { testRules } from '../../src/local/test-rules.ts'
import { factsWith, grantFacts, toolFacts } from './support/facts.ts'
import { good } from './support/rule-files.ts'

const folder = new URL('../../config/rules/', import.meta.url)
const text = (path: string): string => readFileSync(new URL(path, folder), 'utf8')
const cases = readdirSync(new URL('cases/', folder)).map((name) => ({ name, text: text(`cases/${name}`) }))
const loaded = good(checkRules([new URL('baseline.yaml', folder).pathname], (path) => readFileSync(path, 'utf8')))
const baseline = loaded.rules

describe('the baseline', () => {
  it('loads without a warning, on its own', () => {
    expect(loaded.warnings).to.deep.equal([])
  })

  for (const { name, text: written } of cases) {
    it(`passes its case ${name}`, () => {
      expect(testRules(baseline, name, written)).to.deep.include({ passed: true, differences: [] })
    })
  }

  it('has a case for every rule, and one for every effect', () => {
    // Cases name what must fire: one that lists its rules is a test of each of them.
    const expected = cases.map((each) => each.text.slice(each.text.indexOf('expect:'))).join('\n')
    const missed = baseline.lease.filter(({ id }) => !new RegExp(`[\\[ ]${id}[\\],\n]`).test(expected))
    expect(missed.map(({ id }) => id)).to.deep.equal([])
    for (const effect of ['allow', 'ask', 'deny']) expect(expected).to.include(`effect: ${effect}`)
  })

  it('names for each rule what it answers to', () => {
    for (const { id, answers, reason } of baseline.lease) {
      expect(answers, id).not.to.have.length(0)
      expect(reason, id).not.to.equal('')
    }
  })

  it('caps the life of a lease in every tier that allows one', () => {
    expect(baseline.tiers.map(({ name, effect, maxTtlSeconds }) => [name, effect, maxTtlSeconds])).to.deep.equal([
      ['low', 'allow', 900],
      ['medium', 'allow', 300],
      ['high', 'ask', 300],
      ['critical', 'deny', null],
    ])
  })

  it('allows a supervised lease of catalogued tools, origin user, no data classes, at any hour', () => {
    const tools = fc.array(
      fc.record({
        labels: fc.subarray([...BUILT_IN_LABELS]),
        bounded: fc.subarray(['to']),
        max_calls: fc.nat(9),
        only: fc.boolean(),
      }),
      { minLength: 1, maxLength: 20 },
    )
    const context = fc.constantFrom<Json[]>(
      {},
      { runtime: {} },
      { runtime: { debug: true } },
      { runtime: { debug: 'yes' } },
      { session: 'x' },
    )
    const now = fc.record({ hour: fc.nat(23), weekday: fc.integer({ min: 1, max: 7 }) })
    fc.assert(
      fc.property(
        tools,
        context,
        now,
        fc.constantFrom('supervised' as const, 'interactive' as const),
        (held, said, at, autonomy) => {
          const intent = { purpose: '', data_classes: [], autonomy, origin: 'user' as const }
          const asked = held.map((tool, index) => toolFacts(`tool-${index}`, tool))
          expect(
            judgeLease(baseline, factsWith({ access: [], tools: asked, context: said, now: at, intent })).effect,
          ).to.equal('allow')
        },
      ),
    )
  })

  it('asks, charges or denies where a supervised lease reaches further', () => {
    const intent = { purpose: '', data_classes: ['pii'], autonomy: 'autonomous' as const, origin: 'event' as const }
    const access = [grantFacts('a', { labels: ['production'], broad: true })]
    expect(judgeLease(baseline, factsWith({ access })).effect).to.equal('allow')
    expect(judgeLease(baseline, factsWith({ access, intent: { ...intent, origin: 'user' } })).effect).to.equal('deny')
    expect(judgeLease(baseline, factsWith({ intent })).effect).to.equal('ask')
  })
})

const ACTIONS = [
  'iam:CreateUser',
  'IAM:CreateUser',
  'iam:*',
  'IAM:*',
  '*',
  'i*',
  'iam:Create*',
  'iam:?reateUser',
  '*:CreateUser',
  'i?m:PassRole',
  'sts:AssumeRole',
  'Organizations:LeaveOrganization',
  's*',
]

/** A catalogue of one agent with one grant and one tool, and what a request for them comes to under the baseline. */
interface Configured {
  readonly agent?: Partial<Agent>
  readonly grant?: Partial<Pick<Grant, 'actions' | 'labels' | 'dataClasses'>>
  readonly tool?: Partial<Tool>
}

function judged(
  { agent = {}, grant = {}, tool = {} }: Configured,
  intent: Partial<DeclaredIntent>,
  more: { readonly context?: Json; readonly actions?: readonly string[] } = {},
): Verdict {
  const catalogue: Catalogue = {
    agents: new Map([
      [
        'bot',
        {
          id: 'bot',
          owner: 'dana@example.com',
          trust: 'low',
          autonomy: null,
          purposes: ['help'],
          dataClasses: [],
          identities: [],
          instanceClaims: [],
          heartbeatSeconds: null,
          grants: ['api'],
          tools: ['t'],
          ...agent,
        },
      ],
    ]),
    grants: new Map([
      [
        'api',
        {
          name: 'api',
          provider: 'tokens',
          type: 'jwt',
          actions: ['read'],
          resources: [],
          maxTtlSeconds: 300,
          labels: [],
          dataClasses: [],
          audience: 'https://api.example',
          algorithm: 'EdDSA',
          ...grant,
        },
      ],
    ]),
    tools: new Map([['t', { name: 't', labels: [], dataClasses: [], ...tool }]]),
  }
  const declared: DeclaredIntent = {
    goal: 'x',
    purpose: '',
    dataClasses: [],
    autonomy: null,
    origin: null,
    onBehalfOf: null,
    ...intent,
  }
  const known = catalogue.agents.get('bot')
  if (!known) throw new Error('There is no bot')
  const resolved = resolveAccess(catalogue, known, {
    purpose: declared.purpose,
    access: [{ grant: 'api', actions: more.actions ?? null, resources: null }],
    tools: [{ tool: 't', arguments: {}, max_calls: null, only: false }],
  })
  if (!resolved.ok) throw new Error(resolved.error.reason)
  const facts: LeaseFacts = leaseFacts(
    { taskSoFar: () => ({ openLeases: 0, outcomes: [] }) },
    {
      resolved: resolved.value,
      intent: declared,
      task: 'run-1',
      ttlSeconds: 300,
      context: more.context ?? {},
      identity: { issuer: 'ci', claims: {} },
      history: { labels: [], calls: {}, last: [] },
    },
    Date.UTC(2026, 0, 7, 12),
  )
  return judgeLease(baseline, facts)
}

describe('a rule about iam:', () => {
  for (const action of ACTIONS) {
    it(`is slipped past by nobody who asks for ${action}, or for the whole of a grant that has it`, () => {
      for (const actions of [[action], undefined]) {
        const verdict = judged(
          { grant: { actions: ['s3:GetObject', action] } },
          { autonomy: 'supervised', origin: 'user' },
          { ...(actions && { actions }) },
        )
        expect(verdict.effect).to.equal('deny')
        expect(verdict.rules.map(({ id }) => id)).to.include('no-iam-for-agents')
      }
    })
  }

  it('does not deny what only looks alike', () => {
    for (const action of ['iamx:CreateUser', 'miam:CreateUser', 'iam', 's3:GetIam', 'read', 'sts', 'x:iam:y']) {
      const { rules } = judged({ grant: { actions: [action] } }, {}, { actions: [action] })
      expect(
        rules.map(({ id }) => id),
        action,
      ).not.to.include('no-iam-for-agents')
    }
  })
})

describe('what an agent says of itself, under the baseline', () => {
  const slug = fc.constantFrom('pii', 'phi', 'secret', 'public')
  const configured: fc.Arbitrary<Configured> = fc.record({
    agent: fc.record({ autonomy: fc.constantFrom(null, ...AUTONOMY), dataClasses: fc.subarray(['pii', 'public']) }),
    grant: fc.record({
      dataClasses: fc.subarray(['phi', 'secret']),
      labels: fc.subarray(['production', 'derives', 'credential']),
    }),
    tool: fc.record({ dataClasses: fc.subarray(['pci']), labels: fc.subarray(['production', 'external_send']) }),
  })
  const intent = fc.record({
    purpose: fc.constantFrom('', 'help'),
    dataClasses: fc.array(slug, { maxLength: 3 }),
    autonomy: fc.constantFrom(...AUTONOMY),
    origin: fc.constantFrom(...ORIGINS),
  })
  const posture: fc.Arbitrary<Json> = fc.oneof(
    fc.constantFrom<Json[]>(
      {},
      { image: 'sha256:x' },
      { debug: true },
      { debug: false },
      { debug: 'true' },
      { debug: null },
      [],
      'x',
      7,
    ),
    fc.jsonValue({ maxDepth: 3 }).map((value) => value as Json),
  )

  it('never lowers the score by leaving out autonomy, origin or posture', () => {
    fc.assert(
      fc.property(configured, intent, posture, (as, said, runtime) => {
        const whole = judged(as, said, { context: { runtime } })
        const without = [
          judged(as, { ...said, autonomy: null }, { context: { runtime } }),
          judged(as, { ...said, origin: null }, { context: { runtime } }),
          judged(as, said, {}),
          judged(as, { ...said, autonomy: null, origin: null }, {}),
        ]
        for (const { risk } of without) expect(risk.score).to.be.at.least(whole.risk.score)
      }),
    )
  })

  it('only adds data classes to the configured ones', () => {
    fc.assert(
      fc.property(configured, intent, (as, said) => {
        const bare = judged(as, { ...said, dataClasses: [] })
        const more = judged(as, said)
        expect(more.risk.score).to.be.at.least(bare.risk.score)
        expect(more.rules.map(({ id }) => id)).to.include.members(bare.rules.map(({ id }) => id))
      }),
    )
  })

  it('never lowers the score by declaring less autonomy than is configured', () => {
    fc.assert(
      fc.property(configured, intent, (as, said) => {
        const least = judged(
          { ...as, agent: { ...as.agent, autonomy: 'autonomous' } },
          { ...said, autonomy: 'interactive' },
        )
        expect(least.rules.map(({ id }) => id)).to.include('without-a-human-near')
      }),
    )
  })
})
