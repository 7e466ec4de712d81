import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { formatBearerToken } from '../../../src/core/bearer-token.ts'
import type { Answered } from '../broker.ts'
import { sampleCredential, sampleLease } from '../sample-rows.ts'
import type { MintScript, RevokeScript } from '../scripted-upstream.ts'
import { beat, checkAll, must, received } from './invariants.ts'
import {
  accepted,
  AGENTS,
  cascade,
  covers,
  isConfigured,
  isGrantFrozen,
  isStopped,
  mayHave,
  OWNERS,
  restarted,
  standingIn,
  swept,
  timeOf,
  VARIANTS,
  type AgentName,
  type Model,
  type ModelLease,
  type ModelScope,
} from './model.ts'
import type { World } from './world.ts'

type Command = fc.AsyncCommand<Model, World>
const MONTH_MS = 30 * 86_400_000
const [MINUTE, HOUR] = [60_000, 3_600_000]

/** One command: what it does to both, with every invariant looked at after it. */
function command(
  name: string,
  run: (model: Model, world: World) => Promise<void>,
  check: (model: Readonly<Model>) => boolean = () => true,
): Command {
  return {
    check,
    run: async (model, world) => {
      await run(model, world)
      await checkAll(model, world)
    },
    toString: () => name,
  }
}

/** A command about one of the leases that there are. */
const about =
  (what: string, run: (model: Model, world: World, lease: ModelLease) => Promise<void>) =>
  (pick: number): Command =>
    command(
      `${what} #${pick}`,
      (model, world) => run(model, world, model.leases[pick % model.leases.length]!),
      ({ leases }) => leases.length > 0,
    )

const verb = (world: World, { id, token }: ModelLease, name: string, body: object): Promise<Answered> =>
  world.broker().call('POST', `/v1/leases/${id}/${name}`, { token, body })
const operator = (world: World, path: string, body: object): Promise<Answered> =>
  world
    .broker()
    .call('POST', path, { token: world.broker().operator('operator'), body: { reason: 'Because', ...body } })
const heardOf = (model: Model, lease: ModelLease): void => void (lease.lastHeardAt = timeOf(model).believed)

const GRANTS = {
  'refunds-api': { grant: 'refunds-api', actions: ['refund:create'] },
  'up-warehouse': { grant: 'up-warehouse', actions: ['read'] },
} as const
const ENTRIES = [['refunds-api'], ['up-warehouse'], ['refunds-api', 'up-warehouse']] as const

/** The access token in an answer, if it holds one. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer
const jwtIn = (credentials: readonly any[]): ModelLease['jwt'] => {
  const signed = credentials.find(({ value }) => value?.access_token)
  return signed ? { token: signed.value.access_token, until: Date.parse(signed.expires_at) } : null
}

interface Asked {
  readonly agent: AgentName
  readonly task: string
  readonly grants: (typeof ENTRIES)[number]
  readonly ttl: number
  readonly heartbeat: number | null
  readonly purpose: 'customer-support' | 'ask'
}

/** Why it may not be granted now, as statuses of which one is the answer. */
function whyNot(model: Model, { agent, task, grants }: Asked): readonly number[] {
  const belongings = { agent, owner: OWNERS[agent], task, rootAgent: agent, id: null }
  return [
    ...(timeOf(model).stop === null ? [] : [503]),
    ...(isConfigured(model, agent) && grants.every((grant) => mayHave(model, agent, grant)) ? [] : [403]),
    ...(isStopped(model, belongings, 'revoked') ? [403] : []),
    ...(isStopped(model, belongings, 'freeze') || grants.some((grant) => isGrantFrozen(model, grant)) ? [503] : []),
  ]
}

const request = (asked: Asked): Command =>
  command(`request ${JSON.stringify(asked)}`, async (model, world) => {
    const { agent, task, grants, ttl, heartbeat, purpose } = asked
    const blockers = whyNot(model, asked)
    const answer = await world.broker().request(
      {
        task,
        ttl,
        ...(heartbeat !== null && { heartbeat }),
        intent: { goal: 'Refund order 1234', purpose, autonomy: 'supervised', origin: 'user' },
        access: grants.map((name) => GRANTS[name]),
      },
      { agent },
    )
    const { status, body } = answer
    const fails = !model.mints && grants.some((grant) => grant === 'up-warehouse')
    const expected = blockers.length > 0 ? blockers : fails ? [502, 202] : [201, 202]
    must(expected.includes(status), `5: a request is answered with ${status}, and not ${expected.join(' or ')}`)
    if (status !== 201 && status !== 202) return
    received(world, answer)
    const { believed } = timeOf(model)
    model.leases.push({
      id: body.id,
      token: body.token,
      agent,
      owner: OWNERS[agent],
      task,
      rootAgent: agent,
      parent: null,
      heartbeatSeconds: heartbeat,
      grants,
      pending: status === 202 ? { approval: body.approval.id, digest: body.approval.digest } : null,
      ended: false,
      begunAt: believed,
      expiresAt: Date.parse(body.expires_at),
      maxExpiresAt: status === 202 ? 0 : Date.parse(body.max_expires_at),
      lastHeardAt: believed,
      unsure: false,
      jwt: jwtIn(body.credentials),
    })
  })

/** Answers the approval that a lease waits for. What that makes of the lease is read from it. */
const approve = about('approve', async (model, world, lease) => {
  if (!lease.pending) return
  const token = world.broker().operator('approver')
  const { approval, digest } = lease.pending
  const { status } = await world.broker().call('POST', `/v1/approvals/${approval}/approve`, { token, body: { digest } })
  const { stop, use, believed } = timeOf(model)
  const dead = lease.ended || use >= lease.expiresAt
  must(status !== 200 || (stop === null && !dead), `5: an approval is answered with ${status}`)
  if (status !== 200) return
  const { body } = await world.broker().call('GET', `/v1/leases/${lease.id}`, { token })
  if (body.state === 'active') {
    lease.pending = null
    lease.begunAt = believed
    lease.expiresAt = Date.parse(body.expires_at)
    lease.maxExpiresAt = Date.parse(body.max_expires_at)
  } else if (body.state === 'pending') {
    const again = (await world.broker().call('GET', `/v1/approvals/${body.approval.id}`, { token })).body
    lease.pending = { approval: again.id, digest: again.digest }
    lease.expiresAt = Date.parse(body.expires_at)
  } else lease.ended = true
})

const fetchAgain = about('fetch', async (model, world, lease) => {
  const grant = lease.grants[lease.grants.length - 1] ?? ''
  const standing = standingIn(model, lease)
  const answer = await verb(world, lease, 'credentials', { grant })
  heardOf(model, lease)
  const { status } = answer
  const open = standing === 'usable' && timeOf(model).stop === null && !isGrantFrozen(model, grant)
  must(status !== 201 || open, `3 and 5: a lease that ${standing} is given a credential`)
  must(!open || [201, 409, 502].includes(status), `a lease that ${standing} fetches, and hears ${status}`)
  must(!open || status !== 502 || !model.mints, 'a mint failed that should not have')
  if (status !== 201) return
  received(world, answer)
  lease.jwt = jwtIn([answer.body]) ?? lease.jwt
})

const renew = (ttl: number) =>
  about(`renew for ${ttl} s`, async (model, world, lease) => {
    const standing = standingIn(model, lease)
    const { status, body } = await verb(world, lease, 'renew', { ttl })
    heardOf(model, lease)
    const open = standing === 'usable' && timeOf(model).stop === null
    must(status !== 200 || open, `3 and 5: a lease that ${standing} is renewed`)
    must(!open || status === 200 || status === 403, `a lease that ${standing} is renewed, and hears ${status}`)
    if (status !== 200) return
    const until = Date.parse(body.expires_at)
    must(until >= lease.expiresAt, 'a renewal took time away')
    must(until <= lease.maxExpiresAt, '4: a renewal gave more than the lease may have')
    must(
      !lease.parent || until <= Math.max(lease.expiresAt, lease.parent.expiresAt),
      '4: a child was renewed past its parent',
    )
    lease.expiresAt = until
  })

const heartbeat = about('beat', async (model, world, lease) => {
  const standing = standingIn(model, lease)
  const status = await beat(world, lease)
  heardOf(model, lease)
  must(status === (standing === 'dead' ? 409 : 200), `3: a lease that ${standing} beats, and hears ${status}`)
})

const complete = about('complete', async (model, world, lease) => {
  const { status } = await verb(world, lease, 'complete', { outcome: 'success' })
  heardOf(model, lease)
  must(status === 200 || lease.ended, `a lease is completed, and hears ${status}`)
  lease.ended = true
  cascade(model)
})

const revoke = about('revoke', async (model, world, lease) => {
  const { status } = await operator(world, `/v1/leases/${lease.id}/revoke`, {})
  must(status === 200 || lease.ended, `a lease is revoked, and the answer is ${status}`)
  lease.ended = true
  cascade(model)
})

/** A child as delegation would make it: a row below a lease that is good, and something of it at the upstream. */
const plant = about('plant a child below', async (model, world, parent) => {
  const agent = AGENTS[(model.leases.length + 1) % AGENTS.length] ?? 'other-bot'
  const above = world.ledger().reads.lease(parent.id as never)
  const belongings = { agent, owner: OWNERS[agent], task: parent.task, rootAgent: parent.rootAgent, id: null }
  const barred = isStopped(model, belongings, 'revoked') || !mayHave(model, agent, 'up-warehouse')
  const { stop, believed } = timeOf(model)
  if (!above || above.depth > 3 || barred || stop !== null || standingIn(model, parent) !== 'usable') return
  const token = formatBearerToken('l', randomBytes(32))
  const lease = sampleLease({
    ...belongings,
    id: sampleLease().id,
    parent: above.id,
    root: above.root,
    depth: above.depth + 1,
    createdAt: believed,
    activatedAt: believed,
    expiresAt: believed + 10 * MINUTE,
    maxExpiresAt: believed + HOUR,
    access: [{ grant: 'up-warehouse', actions: ['read'], resources: [] }],
    tokenHash: createHash('sha256').update(token).digest('hex'),
  })
  const handle = `h-${lease.id}`
  const times = { issuedAt: believed, notAfter: believed + MONTH_MS, hardExpiresAt: believed + MONTH_MS }
  const from = { provider: 'up', target: 'up.test', grant: 'up-warehouse', type: 'vault-secret', handle } as const
  await world.ledger().commit((tx) => {
    tx.insertLease(lease)
    tx.insertCredential(sampleCredential(lease, { ...from, ...times, expiresAt: lease.expiresAt, depth: lease.depth }))
  })
  const order = { handle, not_after: world.clocks.truth() + MONTH_MS, deadline: lease.expiresAt }
  if (model.mints)
    await world.upstream.answer(
      '/mint',
      { token: world.upstream.traits.token ?? '', ...order },
      new AbortController().signal,
    )
  model.leases.push({
    ...belongings,
    id: lease.id,
    token,
    parent,
    heartbeatSeconds: null,
    grants: ['up-warehouse'],
    pending: null,
    ended: false,
    begunAt: believed,
    expiresAt: lease.expiresAt,
    maxExpiresAt: believed + HOUR,
    lastHeardAt: believed,
    unsure: false,
    jwt: null,
  })
})

/** A scope of that kind, around one of the leases that there are. */
function scopeAround(model: Model, kind: ModelScope['kind'], pick: number): ModelScope {
  const lease = model.leases[pick % model.leases.length]
  const agent = AGENTS[pick % AGENTS.length] ?? 'support-bot'
  const grant = pick % 2 === 0 ? 'refunds-api' : 'up-warehouse'
  switch (kind) {
    case 'all':
      return { kind }
    case 'agent':
      return { kind, value: agent }
    case 'owner':
      return { kind, value: OWNERS[agent] }
    case 'grant':
      return { kind, value: grant }
    case 'provider':
      return { kind, value: grant === 'refunds-api' ? 'tokens' : 'up' }
    case 'lease':
      return lease ? { kind, value: lease.id } : { kind: 'all' }
    case 'task':
      return lease ? { kind, value: lease.task, agent: lease.rootAgent } : { kind: 'all' }
  }
}

const freeze = (kind: ModelScope['kind'], pick: number): Command =>
  command(`freeze ${kind} ${pick}`, async (model, world) => {
    const scope = scopeAround(model, kind, pick)
    const asked =
      scope.kind === 'all'
        ? { all: true }
        : { [scope.kind]: scope.value, ...(scope.kind === 'task' && { agent: scope.agent }) }
    const { status, body } = await operator(world, '/v1/freeze', { scope: asked })
    must(
      [200, 201].includes(status) || (status === 404 && ['agent', 'owner'].includes(scope.kind)),
      `a freeze is answered with ${status}`,
    )
    if (status === 201) model.stops = [...model.stops, { kind: 'freeze', scope, id: body.id }]
  })

const unfreeze = (pick: number): Command =>
  command(
    `unfreeze ${pick}`,
    async (model, world) => {
      const freezes = model.stops.filter(({ kind }) => kind === 'freeze')
      const lifted = freezes[pick % freezes.length]
      const { status } = await operator(world, '/v1/unfreeze', { id: lifted?.id })
      must(status === 200, `unfreezing is answered with ${status}`)
      model.stops = model.stops.filter((stop) => stop !== lifted)
    },
    ({ stops }) => stops.some(({ kind }) => kind === 'freeze'),
  )

const pathOf = (scope: ModelScope): readonly [path: string, body: object] =>
  scope.kind === 'all'
    ? ['', {}]
    : [`/v1/${scope.kind}s/${encodeURIComponent(scope.value)}`, scope.kind === 'task' ? { agent: scope.agent } : {}]

const revokeScope = (kind: 'agent' | 'owner' | 'task', pick: number): Command =>
  command(
    `revoke ${kind} ${pick}`,
    async (model, world) => {
      const scope = scopeAround(model, kind, pick)
      const [path, body] = pathOf(scope)
      const { status, body: hit } = await operator(world, `${path}/revoke`, body)
      must(status === 200 || (status === 404 && kind !== 'task'), `a revocation is answered with ${status}`)
      if (status !== 200) return
      if (!hit.already) model.stops = [...model.stops, { kind: 'revoked', scope, id: null }]
      for (const lease of model.leases) if (covers(scope, lease)) lease.ended = true
      cascade(model)
    },
    ({ leases }) => leases.length > 0,
  )

const restore = (pick: number): Command =>
  command(
    `restore ${pick}`,
    async (model, world) => {
      const revoked = model.stops.filter(({ kind }) => kind === 'revoked')
      const lifted = revoked[pick % revoked.length]!
      const [path, body] = pathOf(lifted.scope)
      const { status } = await operator(world, `${path}/restore`, body)
      must(status === 200, `restoring is answered with ${status}`)
      model.stops = model.stops.filter((stop) => stop !== lifted)
    },
    ({ stops }) => stops.some(({ kind }) => kind === 'revoked'),
  )

const reload = (variant: Model['variant']): Command =>
  command(`reload: ${variant}`, async (model, world) => {
    world.configure(variant)
    must((await world.broker().app.reload()).ok, 'a reload is refused')
    model.variant = variant
    for (const lease of model.leases)
      if (!lease.grants.every((grant) => mayHave(model, lease.agent, grant))) lease.ended = true
    cascade(model)
  })

const pass = (ms: number): Command =>
  command(`${ms} ms pass`, (model, world) => {
    world.clocks.pass(ms)
    timeOf(model)
    return Promise.resolve()
  })

const sleep = (ms: number): Command =>
  command(`the machine sleeps for ${ms} ms`, (model, world) => {
    world.clocks.sleep(ms)
    timeOf(model)
    return Promise.resolve()
  })

const jump = (ms: number): Command =>
  command(`the wall clock jumps by ${ms} ms`, (model, world) => {
    world.clocks.jump(ms)
    timeOf(model)
    return Promise.resolve()
  })

const setRight = (): Command =>
  command('the wall clock is set right', (model, world) => {
    world.clocks.setRight()
    timeOf(model)
    return Promise.resolve()
  })

/** An operator accepts a clock that is right, and no other. */
const accept = (): Command =>
  command(
    'the clock is accepted',
    async (model, world) => {
      const { status } = await world
        .broker()
        .call('POST', '/v1/clock/accept', { token: world.broker().operator('admin') })
      must(status === 200, `accepting the clock is answered with ${status}`)
      accepted(model)
    },
    ({ clocks }) => clocks.wall() === clocks.truth(),
  )

const sweep = (): Command =>
  command('sweep', async (model, world) => {
    await world.broker().app.sweep()
    swept(model)
  })

const restart = (): Command =>
  command('restart', async (model, world) => {
    await world.restart()
    restarted(model)
  })

const outage = (mint: MintScript, revoke: RevokeScript): Command =>
  command(`the upstream: mint ${mint}, revoke ${revoke}`, (model, world) => {
    world.upstream.script({ mint, revoke })
    model.mints = mint === 'ok'
    return Promise.resolve()
  })

const pick = fc.nat(1000)
const asked: fc.Arbitrary<Asked> = fc.record({
  agent: fc.constantFrom(...AGENTS),
  task: fc.constantFrom('run-1', 'run-2', 'run-3'),
  grants: fc.constantFrom(...ENTRIES),
  ttl: fc.constantFrom(5, 60, 300, 900, 900, 900),
  heartbeat: fc.constantFrom(null, null, null, 30, 120),
  purpose: fc.constantFrom('customer-support', 'customer-support', 'customer-support', 'ask'),
})
const SCOPES = ['all', 'agent', 'owner', 'task', 'lease', 'provider', 'grant'] as const
const STICKY = ['agent', 'owner', 'task'] as const
const MINTS = [
  'unreachable',
  'lost',
  'unknown',
  'permanent',
  'throws',
  'outlives',
  'nameless',
  'ok',
  'ok',
  'ok',
] as const
// Not `propagating`: by when that has spread is said by the upstream's clock, and a broker may start with a wrong one.
const REVOKES = [
  ...(['lost', 'unreachable', 'permanent', 'throttled', 'unknown', 'throws', 'gone', 'at_expiry'] as const),
  ...(['ok', 'ok', 'ok'] as const),
]
const SHORT = [1000, 5000, 20_000, MINUTE, 4 * MINUTE] as const
const LONG = [15 * MINUTE, HOUR, 25 * HOUR] as const
const JUMPS = [3000, -3000, 2 * MINUTE, -2 * MINUTE, HOUR, -HOUR, 3653 * 86_400_000, -3653 * 86_400_000] as const

/** Everything that is asked of a broker and that happens to it, and how often beside the rest. */
const weighted: readonly (readonly [times: number, fc.Arbitrary<Command>])[] = [
  [10, asked.map(request)],
  [8, pick.map(plant)],
  [3, pick.map(approve)],
  [5, pick.map(fetchAgain)],
  [3, fc.tuple(fc.constantFrom(5, 300, 900), pick).map(([ttl, at]) => renew(ttl)(at))],
  [2, pick.map(heartbeat)],
  [2, pick.map(complete)],
  [1, pick.map(revoke)],
  [2, fc.tuple(fc.constantFrom(...SCOPES), pick).map(([kind, at]) => freeze(kind, at))],
  [4, pick.map(unfreeze)],
  [1, fc.tuple(fc.constantFrom(...STICKY), pick).map(([kind, at]) => revokeScope(kind, at))],
  [3, pick.map(restore)],
  [2, fc.constantFrom(...VARIANTS, 'whole' as const, 'whole' as const).map(reload)],
  [5, fc.constantFrom(...SHORT).map(pass)],
  [1, fc.constantFrom(...LONG).map(pass)],
  [1, fc.constantFrom(MINUTE, HOUR).map(sleep)],
  [2, fc.constantFrom(...JUMPS).map(jump)],
  [3, fc.constant(null).map(setRight)],
  [3, fc.constant(null).map(accept)],
  [3, fc.constant(null).map(sweep)],
  [2, fc.constant(null).map(restart)],
  [3, fc.tuple(fc.constantFrom(...MINTS), fc.constantFrom(...REVOKES)).map(([mint, back]) => outage(mint, back))],
]

export const commands = weighted.flatMap(([times, each]) => Array.from({ length: times }, () => each))

/** What every story begins with: leases to do something with. */
export const beginning: readonly Command[] = (['refunds-api', 'up-warehouse'] as const).map((grant, at) =>
  request({
    agent: AGENTS[at] ?? 'support-bot',
    task: `run-${at + 1}`,
    grants: grant === 'refunds-api' ? ENTRIES[2] : ENTRIES[1],
    ttl: 900,
    heartbeat: null,
    purpose: 'customer-support',
  }),
)
