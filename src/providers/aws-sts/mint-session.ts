import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import type { Finding, Plan, UpstreamMinted, UpstreamOrder } from '../../broker/provider-port.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Clients } from './create-clients.ts'
import { early } from './early-revocation.ts'
import { planSession } from './plan-session.ts'
import { readSession } from './read-session.ts'
import { endsAt } from './session-policy.ts'
import { sessionTags } from './session-tags.ts'

/** From this share of STS's packed size on, in percent, a little more of anything fails the mint. */
const NEARLY_FULL = 80

/** Everything that a mint needs. */
export interface SessionMint {
  readonly order: UpstreamOrder
  readonly plan: Plan
  readonly record: (needed: JsonObject) => Promise<void>
  readonly signal: AbortSignal
  readonly report: (finding: Finding) => void
}

/** One call of AssumeRole, tried once. Throws where what came back is not the session that was planned. */
export async function mintSession(
  { sts, ask }: Clients,
  { order, plan, record, signal, report }: SessionMint,
): Promise<UpstreamMinted> {
  const planned = planSession(order)
  if (!planned.ok) throw new Error(planned.error.detail)
  const { request } = planned.value
  if (planned.value.plan.handle !== plan.handle || planned.value.plan.target !== plan.target)
    throw new Error(`The plan for grant ${order.grant.name} is not of this order`)
  if (!endsAt(request.policy, request.deadline)) throw new Error('The session policy does not hold its deadline')

  if (request.earlyRevocation) await record(early(request.deadline))
  const tags = sessionTags(order.lease)
  const command = new AssumeRoleCommand({
    RoleArn: request.roleArn,
    RoleSessionName: plan.handle,
    SourceIdentity: plan.handle,
    Policy: request.policy,
    DurationSeconds: request.durationSeconds,
    Tags: [...tags],
    TransitiveTagKeys: tags.map(({ Key }) => Key),
    ...(request.externalId !== null && { ExternalId: request.externalId }),
  })
  const answer = await ask('sts:AssumeRole', signal, (options) => sts.send(command, options))
  const { minted, packedPercent } = readSession(answer, plan, request)
  if (packedPercent > NEARLY_FULL) report(nearlyFull(order.grant.name, packedPercent))
  return minted
}

const nearlyFull = (grant: string, percent: number): Finding => ({
  check: 'packed-policy-size',
  ok: false,
  detail: `A session of grant ${grant} filled ${percent} % of what STS takes for its policy and tags`,
  mend: 'Name fewer or shorter resources: over 100 % a mint is refused.',
})
