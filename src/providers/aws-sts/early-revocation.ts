import type { Revocable } from '../../broker/provider-port.ts'
import type { AwsGrant } from '../../core/catalogue.ts'
import type { JsonObject } from '../../core/json.ts'
import { MINUTE_MS, type Instant } from '../../core/time.ts'

/** IAM may not know yet of what was made a moment ago. */
export const CONSISTENCY_MS = 5 * MINUTE_MS

/** What a mint records, so that a session is taken back the way it was promised even if its grant changes meanwhile. */
export const early = (deadline: Instant): JsonObject => ({ early_revocation: true, deadline })

/** Whether a session may be denied before its deadline: as it was minted, or as its grant is now. */
export const isEarly = ({ recorded, grant }: Revocable, grants: readonly AwsGrant[]): boolean =>
  recorded?.['early_revocation'] === true ||
  grants.some(({ name, earlyRevocation }) => name === grant && earlyRevocation)

/** Whether there is nothing to deny any more: its own policy denies a session everything from its deadline on. */
export function isOver({ recorded, notAfter }: Revocable, now: Instant): boolean {
  const deadline = recorded?.['deadline']
  return now >= (typeof deadline === 'number' ? Math.min(deadline, notAfter) : notAfter)
}
