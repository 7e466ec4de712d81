import type { ApprovalSubject, Decision } from '../client/resources.ts'
import { printable } from './printable.ts'

/** What the agent says of itself. Nothing of it is verified, and the card says so. */
export function describeIntent(intent: ApprovalSubject['intent']): readonly string[] {
  const posture = [
    ...(intent.purpose === '' ? [] : [`purpose ${intent.purpose}`]),
    intent.autonomy ?? 'autonomy not said',
    intent.origin === null ? 'origin not said' : `asked by ${ORIGIN[intent.origin]}`,
    ...(intent.data_classes.length === 0 ? [] : [`data ${intent.data_classes.join(', ')}`]),
    ...(intent.on_behalf_of === null ? [] : [`on behalf of ${intent.on_behalf_of}`]),
  ]
  return [`"${printable(intent.goal)}"`, printable(posture.join('; ')), "(the agent's words, not verified)"]
}

const ORIGIN = { user: 'a person', agent: 'another agent', schedule: 'a schedule', event: 'an event' } as const

/** The score and its tier, then what adds up to it. */
export function describeRisk({ risk, broad }: Decision): readonly string[] {
  return [
    `${risk.score}, tier ${risk.tier}`,
    ...(risk.factors ?? []).map(({ rule, points, reason }) => `+${points} ${rule}: ${reason}`),
    ...broad.map((grant) => `all of ${grant}: nothing narrower was named`),
  ].map(printable)
}
