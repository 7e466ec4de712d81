import type { Credential } from '../core/credential.ts'
import { isJsonObject } from '../core/json.ts'
import type { Attempt } from '../core/revocation-schedule.ts'
import { SECOND_MS } from '../core/time.ts'
import type { Broker } from './ports.ts'

/** How long one revocation may take. */
const CALL_MS = 10 * SECOND_MS

/** Asks whoever made it to take one credential back, once. Never throws, and never says more than a class and a safe text. */
export async function askUpstream(
  broker: Pick<Broker, 'providers' | 'seals' | 'log'>,
  row: Credential,
): Promise<Attempt> {
  const provider = broker.providers().get(row.provider)
  if (provider?.kind !== 'upstream' || row.target === null) {
    return {
      class: 'permanent',
      detail: `No provider ${row.provider} is configured: put it back, so that this can be taken back`,
    }
  }
  const opened = row.sealed === null ? null : broker.seals.open(row.id, row.sealed)
  if (opened !== null && !isJsonObject(opened)) {
    return { class: 'permanent', detail: 'What a revocation needs does not open with this seal key' }
  }
  const { handle, target, grant, issuedAt, notAfter } = row
  const signal = AbortSignal.timeout(CALL_MS)
  const timedOut = new Promise<Attempt>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve({ class: 'unreachable', detail: 'The upstream did not answer in time' })
    })
  })
  const answered = provider
    .revoke({ handle, target, grant, recorded: opened, issuedAt, notAfter }, signal)
    .catch((error: unknown): Attempt => {
      broker.log.error(
        { err: error, credential: row.id, provider: row.provider },
        'a provider threw instead of answering',
      )
      return { class: 'unknown', detail: 'The provider failed' }
    })
  return Promise.race([answered, timedOut])
}
