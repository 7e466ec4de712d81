import type { Approval, Lease } from '../../src/client/resources.ts'
import { short } from './tell.ts'

/** The card that an approver reads: what is asked, why a person is asked, and what the yes will be bound to. */
export function cardLines({ agent, owner, subject, digest }: Approval, { decision }: Lease): readonly string[] {
  if ('credential' in subject) throw new Error('The demo gives up on no credential')
  const access = subject.access.map(({ grant, actions }) => `${actions.join(', ')} on ${grant}`)
  const factors = decision.risk.factors?.map(({ reason, points }) => `${reason} +${points}`) ?? []
  return [
    `${agent} of ${owner}: "${subject.intent.goal}"`,
    `${access.join('; ')}, for ${subject.ttl} s. Risk ${decision.risk.score} (${factors.join(', ')})`,
    ...subject.rules.map(({ id, reason }) => `${reason} (rule ${id})`),
    `sha256:${short(digest.slice('sha256:'.length))}, the digest of exactly this`,
  ]
}
