import { randomBytes } from 'node:crypto'
import { Secret } from '../../../../src/core/secret.ts'
import { KeyFault } from '../../../../src/store/keys/key-fault.ts'
import { openKeyRing, type KeyRing, type KeyRingParts } from '../../../../src/store/keys/open-key-ring.ts'
import { createSealer, SEAL_KEY_BYTES, type Sealer } from '../../../../src/store/keys/sealer.ts'

export const newSealer = (): Sealer => createSealer(new Secret(randomBytes(SEAL_KEY_BYTES)))

export const START = Date.parse('2027-03-01T12:00:00Z')
export const DAY = 24 * 60 * 60 * 1000

/** The ring of a folder, with the keys that it wants now. */
export async function ringIn(
  folder: string,
  { sealer, now = START, ...parts }: { sealer: Sealer; now?: number } & Partial<KeyRingParts>,
): Promise<KeyRing> {
  const ring = await openKeyRing({ folder, sealer, clock: () => now, ...parts })
  await ring.maintain([])
  return ring
}

/** Every key of a ring by name. */
export const kidsOf = (ring: KeyRing, now = START): readonly string[] =>
  [...ring.access.published(now), ...ring.audit.published(now)].map(({ kid }) => kid).toSorted()

/** The fault that stops the start, or undefined where it starts. Everything else is a bug and thrown. */
export async function faultOf(start: Promise<unknown>): Promise<KeyFault | undefined> {
  try {
    await start
    return undefined
  } catch (error) {
    if (error instanceof KeyFault) return error
    throw error
  }
}
