import type { ObtainedLease } from '../src/client/obtain-lease.ts'
import type { ApprovalLink, LeaseRequest } from '../src/client/resources.ts'
import { callApi } from './demo/call-api.ts'
import { cardLines } from './demo/card-lines.ts'
import { CAST } from './demo/configuration.ts'
import { DemoFailed } from './demo/demo-failed.ts'
import { claimsOf, fetchIdentity } from './demo/fetch-identity.ts'
import { play } from './demo/play.ts'
import { proveAudit } from './demo/prove-audit.ts'
import { refusalOf } from './demo/refusal-of.ts'
import { setStage } from './demo/stage.ts'
import { because, say, short, step, tell } from './demo/tell.ts'

/** Where the agent says that it runs: who says nothing is charged risk for it. */
const CONTEXT = { runtime: { image: 'support-bot:1.4' } }

/** `./scripts/start --demo`: the whole story once, with real parts, and nothing of it left afterwards. */
process.exitCode = await play(async (interrupt) => {
  const startedAt = performance.now()
  tell('Mayfly from start to end: an agent gets access for one task, and loses it with the task.')
  tell('On this machine only: an OpenID Connect issuer, a broker and the API of a shop, each a process of its own.')
  await using stage = await setStage(interrupt)
  const { broker, owner, approver, signal } = stage
  const shop = (call: string, accessToken: string) => callApi(stage.apiUrl, { call, accessToken, signal })

  step('The agent proves who it is')
  const { url: issuer, clientSecret: secret } = stage.issuer
  const identity = await fetchIdentity({ issuer, client: CAST.agent, secret, audience: CAST.brokerAudience, signal })
  const agent = broker.withToken(identity)
  const proven = claimsOf(identity)
  say('Issuer', `signs a token, ${short(identity)}: "this is ${proven.sub}", for ${proven.aud} and nobody else`)
  because('The broker keeps no secret of the agent. It trusts the issuer that the company has anyway.')

  step('It asks for what one task needs')
  const refund = await agent.obtainLease(
    {
      task: 'refund-1234',
      intent: {
        goal: 'Refund order 1234: the teapot came broken',
        purpose: 'customer-support',
        autonomy: 'supervised',
        origin: 'user',
      },
      access: [{ grant: 'orders', actions: ['order:read', 'refund:create'] }],
      ttl: 120,
      context: CONTEXT,
    },
    { signal },
  )
  const { lease } = refund
  const accessToken = accessTokenOf(refund)
  const granted = claimsOf(accessToken)
  say('Agent', `"${lease.intent.goal}": order:read and refund:create, for 120 s`)
  say(
    'Broker',
    `${lease.decision.effect}, risk ${lease.decision.risk.score}: decided by the rules before anything existed`,
  )
  say('Agent', `holds lease ${short(lease.id)} and a JWT, ${short(accessToken)}`)
  say('', `for ${granted.aud}, ${granted.task}, ${granted.scope}, and no longer than the lease`)
  because('Whoever steals it has two actions for two minutes, and the token names the task that it came from.')

  step('It does its work')
  const order = await shop('GET /orders/1234', accessToken)
  say('Agent', `GET /orders/1234 -> ${order.status}, ${order.says}`)
  const refunded = await shop('POST /orders/1234/refund', accessToken)
  say('Agent', `POST /orders/1234/refund -> ${refunded.status}, ${refunded.says}`)
  because('The shop runs no code of Mayfly: it finds the keys by discovery, verifies a standard JWT, and asks.')

  step('It is refused what is not its task')
  const beyond = await shop('GET /customers/export', accessToken)
  say('Agent', 'tries the same JWT on the customers')
  say('Shop', `${beyond.status}: ${beyond.says}`)
  const notGranted = await refusalOf(
    agent.leases.request(talkedInto('payments', 'payment:send'), { signal }),
    'not-granted',
  )
  say('Agent', 'asks for payments, which its operator never gave it')
  say('Broker', `${notGranted.status} ${notGranted.slug}: ${notGranted.errors[0]?.message ?? notGranted.detail}`)
  const denied = await refusalOf(agent.leases.request(talkedInto('accounts', 'iam:CreateUser'), { signal }), 'denied')
  say('Agent', 'asks to create a user, which its operator gave it by mistake')
  say('Broker', `${denied.status} ${denied.slug}: ${denied.detail}`)
  because('An agent that was talked into something gets no further than its task, and every no says why.')

  step('A person decides where the rules want one')
  const opened = Promise.withResolvers<ApprovalLink>()
  const waiting = agent.obtainLease(
    {
      task: 'report-7',
      intent: { goal: "Count last month's customers", autonomy: 'supervised', origin: 'user' },
      access: [{ grant: 'customers', actions: ['customer:export'] }],
      context: CONTEXT,
    },
    { signal, onPending: opened.resolve },
  )
  const approval = await Promise.race([opened.promise, waiting.then(neverAsked)])
  say('Agent', 'asks for customer:export, and waits: nothing is minted yet')
  say('People', `${CAST.owner} owns the agent, ${CAST.approver} does not. Both may read this card:`)
  const card = await approver.approvals.get(approval.id, { signal })
  const shown = cardLines(card, await approver.leases.get(card.lease, { signal }))
  shown.forEach((line, at) => say(at === 0 ? 'Card' : '', line))
  const yes = { digest: card.digest, reason: 'The monthly report' }
  const ownYes = await refusalOf(owner.approvals.approve(card.id, yes, { signal }), 'forbidden')
  say('Dana', `says yes, and is refused: ${ownYes.detail}`)
  const { state } = await approver.approvals.approve(card.id, yes, { signal })
  const report = await waiting
  say('Sam', `says yes to that digest -> ${state}, and the lease is ${report.lease.state}`)
  const exported = await shop('GET /customers/export', accessTokenOf(report))
  say('Agent', `fetches its JWT; GET /customers/export -> ${exported.status}, ${exported.says}`)
  because('A yes is to exactly what was shown, and nobody gives it to an agent of their own.')

  step('The task ends, and its access with it')
  const before = await approver.introspect(accessToken, { signal })
  say('Before', `introspection says active: ${before.active}`)
  const own = broker.withToken(refund.token)
  const ended = await own.leases.complete(lease.id, { outcome: 'success' }, { signal })
  const endedAt = performance.now()
  say('Agent', `is done with ${ended.task} -> the lease is ${ended.state} (${ended.outcome ?? 'no outcome'})`)
  const after = await approver.introspect(accessToken, { signal })
  const again = await shop('GET /orders/1234', accessToken)
  say('After', `introspection says active: ${after.active}`)
  say('Shop', `${again.status} for the same JWT, ${ms(endedAt)} later: ${again.says}`)
  because('Nobody has to remember to take it back. A verifier that never asks is bound by the two minutes.')

  step('Everything is on record')
  await proveAudit(stage)
  because('What was granted and what was refused are two chains of hashes, and nobody rewrites them unnoticed.')

  tell(
    `\nAll of that was real, and took ${Math.ceil((performance.now() - startedAt) / 1000)} s. A broker of your own to try things on: ./scripts/start`,
  )
})

/** A request that is not of the agent's task. */
function talkedInto(grant: string, action: string): LeaseRequest {
  const intent = { goal: 'What a web page told it to do', autonomy: 'supervised', origin: 'user' } as const
  return { task: 'refund-1234', intent, access: [{ grant, actions: [action] }], context: CONTEXT }
}

function accessTokenOf({ credentials }: ObtainedLease): string {
  const token = credentials[0]?.value['access_token']
  if (typeof token !== 'string') throw new TypeError('The lease holds no access token')
  return token
}

function neverAsked(): never {
  throw new DemoFailed('The lease was granted without the person that the rules want.', 'Please report it.')
}

function ms(since: number): string {
  return `${Math.round(performance.now() - since)} ms`
}
