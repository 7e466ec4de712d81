import type { Revocable } from '../../broker/provider-port.ts'
import type { JsonObject } from '../../core/json.ts'
import type { AwsGrant } from '../../core/catalogue.ts'

/** What a mint records, so that a session is taken back the way it was promised even if its grant changes meanwhile. */
export const EARLY: JsonObject = { early_revocation: true }

/** Whether a session may be denied before its deadline: as it was minted, or as its grant is now. */
export const isEarly = ({ recorded, grant }: Revocable, grants: readonly AwsGrant[]): boolean =>
  recorded?.['early_revocation'] === true ||
  grants.some(({ name, earlyRevocation }) => name === grant && earlyRevocation)
