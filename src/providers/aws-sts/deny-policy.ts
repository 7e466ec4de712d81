import type { Instant } from '../../core/time.ts'
import { list, member, texts } from './policy-document.ts'

/** The inline policy of a role that says which sessions have ended. */
export const DENY_POLICY_NAME = 'MayflyEndedSessions'
/** The one that a recovery cuts off older sessions with. No policy but these two is ever written. */
export const CUT_OFF_POLICY_NAME = 'MayflyCutOff'

/** IAM's quota on all inline policies of a role together, blanks not counted. */
export const MAX_INLINE_POLICY = 10_240

/**
 * A session that was taken back, and until when that has to be said: until STS ends it, or until its deadline with room
 * for clocks that differ, since its own policy denies it everything from then on.
 */
export interface EndedSession {
  readonly handle: string
  readonly notAfter: Instant
}

/**
 * Denies everything to the sessions of these names. `aws:userid` is the role's id, a colon and the session's name; a
 * session cannot change it, and it needs nothing of the trust policy (IAM User Guide, "aws:userid").
 */
export const denyPolicy = (handles: readonly string[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { StringLike: { 'aws:userid': handles.map(pattern) } },
      },
    ],
  })

const pattern = (handle: string): string => `*:${handle}`

/** Every session that has to be denied now, once each: those that ended by themselves need no denying. */
export function stillLiving(sessions: readonly EndedSession[], now: Instant): readonly string[] {
  return [...new Set(sessions.filter(({ notAfter }) => notAfter > now).map(({ handle }) => handle))]
}

/** As many as the quota takes, the first first. */
export function fitting(handles: readonly string[]): readonly string[] {
  let room = MAX_INLINE_POLICY - denyPolicy([]).length
  const fits: string[] = []
  for (const handle of handles) {
    room -= JSON.stringify(pattern(handle)).length + (fits.length === 0 ? 0 : 1)
    if (room < 0) break
    fits.push(handle)
  }
  return fits
}

/** The sessions that a policy denies, in its order. Whatever is not of our form denies none that we know of. */
export function deniedBy(policy: unknown): readonly string[] {
  const conditions = list(member(policy, 'Statement')).map((statement) => member(statement, 'Condition'))
  const patterns = conditions.flatMap((condition) => texts(member(member(condition, 'StringLike'), 'aws:userid')))
  return patterns.filter((each) => each.startsWith('*:')).map((each) => each.slice(2))
}
