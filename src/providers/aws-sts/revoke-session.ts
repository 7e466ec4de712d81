import type { Revocable, RevokeAnswer } from '../../broker/provider-port.ts'
import { unlessAborted } from './ask.ts'
import { AwsFailure } from './aws-failure.ts'
import type { Clients } from './create-clients.ts'
import { MAX_INLINE_POLICY } from './deny-policy.ts'
import { createDenyWriter, type DenyWriter } from './deny-writer.ts'
import { CONSISTENCY_MS, isEarly, isOver } from './early-revocation.ts'
import { isSessionName } from './plan-session.ts'
import { parseRoleArn, type Role } from './role-arn.ts'
import type { AwsStsParts } from './settings.ts'
import { whoAmI } from './who-am-i.ts'

/** What an operator can do about a code. */
const MENDS: Readonly<Record<string, string>> = {
  AccessDenied: 'Allow the broker iam:PutRolePolicy and iam:GetRolePolicy on this role',
  LimitExceeded: 'All inline policies of the role together are over what IAM takes. Make them shorter',
  UnmodifiableEntity: 'Policies of this role cannot be changed. Take early_revocation out of its grants',
  ExpiredToken: "The broker's own AWS credentials have expired",
}

/** Takes sessions back: by the deny policy of their role where the grant says so, else only their deadline does. */
export function createRevocations(clients: Clients, parts: AwsStsParts) {
  const writers = new Map<string, DenyWriter>()
  const writerOf = (role: Role): DenyWriter => {
    const writer = writers.get(role.arn) ?? createDenyWriter({ ...parts, ...clients }, role)
    writers.set(role.arn, writer)
    return writer
  }
  let asked: Promise<string> | undefined
  /** Whose account it is. Asked once, for everyone who waits for it, and so under nobody's signal. */
  const ownAccount = (): Promise<string> => {
    asked ??= whoAmI(clients, AbortSignal.timeout(parts.callMs)).then(({ account }) => account)
    asked.catch(() => (asked = undefined))
    return asked
  }
  /** IAM's calls name a role without its account, and would write to a namesake in the broker's own. */
  const requireOwn = async ({ arn, account }: Role): Promise<void> => {
    if ((await ownAccount()) === account) return
    const message = `It is in another account than the broker. Take early_revocation out of the grants of ${arn}`
    throw new AwsFailure({ class: 'permanent', code: 'ForeignRole', message })
  }

  return async (what: Revocable, signal: AbortSignal): Promise<RevokeAnswer> => {
    const { handle, target, notAfter } = what
    if (!isEarly(what, parts.grants()) || isOver(what, parts.clock())) return { class: 'at_expiry' }
    const role = parseRoleArn(target)
    if (!role || !isSessionName(handle))
      return { class: 'permanent', detail: 'The ledger names a session that AWS cannot have' }
    try {
      await unlessAborted(signal, requireOwn(role))
      const outcome = await unlessAborted(signal, writerOf(role).deny({ handle, notAfter }))
      if (outcome.kind === 'failed') return refused(outcome.failure, what, parts)
      if (outcome.denied.has(handle)) return { class: 'revoked', effectiveAfter: outcome.effectiveAfter }
      return isOver(what, parts.clock()) ? { class: 'at_expiry' } : full(role, outcome.denied.size)
    } catch (error) {
      if (error instanceof AwsFailure) return refused(error, what, parts)
      return { class: 'unreachable', detail: `${target}: its deny policy was not confirmed in time` }
    }
  }
}

const full = ({ arn }: Role, count: number): RevokeAnswer => ({
  class: 'permanent',
  detail:
    `The deny policy of ${arn} is full: ${count} ended sessions in ${MAX_INLINE_POLICY} characters. This one is denied ` +
    'once older ones have ended by themselves, or ends at its own deadline. Spread the work over more roles.',
})

function refused(failure: AwsFailure, { target, issuedAt }: Revocable, { clock }: AwsStsParts): RevokeAnswer {
  const mend = MENDS[failure.code]
  const detail = `${target}: ${failure.message}${mend === undefined ? '' : `. ${mend}`}`
  if (failure.class !== 'missing') return { class: failure.class, detail }
  // Without its role a session has no permission of its own left, and nothing can be denied to it any more.
  return clock() - issuedAt < CONSISTENCY_MS ? { class: 'unknown', detail } : { class: 'at_expiry' }
}
