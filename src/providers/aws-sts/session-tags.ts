import type { UpstreamOrder } from '../../broker/provider-port.ts'

interface SessionTag {
  readonly Key: string
  readonly Value: string
}

const MAX_VALUE = 256

/**
 * Who a session works for. Transitive, so that they would outlive a change of role; CloudTrail shows them, and conditions
 * can name them as `aws:PrincipalTag/lease`.
 */
export const sessionTags = ({ id, task, agent }: UpstreamOrder['lease']): readonly SessionTag[] => [
  { Key: 'lease', Value: tagValue(id) },
  { Key: 'task', Value: tagValue(task) },
  { Key: 'agent', Value: tagValue(agent) },
]

/** STS refuses a tag with any other sign in it (AssumeRole, `Tags`); the lease's id is what says exactly who it was. */
const tagValue = (text: string): string =>
  Array.from(text.replace(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, '_'))
    .slice(0, MAX_VALUE)
    .join('')
