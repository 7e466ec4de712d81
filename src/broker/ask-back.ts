import type { Credential } from '../core/credential.ts'
import { askUpstream } from './ask-upstream.ts'
import type { Broker } from './ports.ts'

const AT_A_TIME = 10

/**
 * The ledger cannot be written, and a revocation waits for nothing: whatever lives upstream is asked back once, a few at
 * a time. The rows stay as they are, and are taken back again when they can be: that is harmless.
 */
export async function askBack(
  broker: Pick<Broker, 'providers' | 'seals' | 'log'>,
  rows: readonly Credential[],
): Promise<void> {
  const open = rows.filter(({ target, state }) => target !== null && state !== 'closed')
  for (let at = 0; at < open.length; at += AT_A_TIME)
    await Promise.all(open.slice(at, at + AT_A_TIME).map((row) => askUpstream(broker, row)))
}
