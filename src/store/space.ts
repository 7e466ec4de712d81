import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import type { Space } from '../broker/ports.ts'

const MIB = 1024 * 1024
/** How often the disk is looked at. */
const EVERY_MS = 1000

/** In bytes. */
export interface SpaceTerms {
  /** Below this much room nothing is granted any more. */
  readonly low: number
  /** Set aside, and freed when the disk is full all the same, so that revocations can still be recorded. */
  readonly ballast: number
}

/** What a broker keeps free. */
export const SPACE_TERMS: SpaceTerms = { low: 64 * MIB, ballast: 8 * MIB }

export interface GuardedSpace extends Space {
  readonly freeBallast: () => void
}

/**
 * The disk under the data folder. A full disk cannot even record a revocation, so granting stops while there is room left,
 * and a ballast file is kept to be thrown overboard.
 */
export function createSpace({
  dataDir,
  terms = SPACE_TERMS,
}: {
  readonly dataDir: string
  readonly terms?: SpaceTerms
}): GuardedSpace {
  const ballast = join(dataDir, 'ballast')
  let lookedAt = -Infinity
  let free = Infinity

  function look(): number {
    if (performance.now() - lookedAt < EVERY_MS) return free
    const { bavail, bsize } = statfsSync(dataDir)
    lookedAt = performance.now()
    free = bavail * bsize
    // Taken aboard again only when there is room for it and for work.
    if (free > 2 * (terms.low + terms.ballast)) takeAboard(ballast, terms.ballast)
    return free
  }

  look()
  return {
    low: () => look() < terms.low,
    freeBallast: () => {
      rmSync(ballast, { force: true })
      lookedAt = -Infinity
    },
  }
}

/** Written out, since a file with holes takes no room. */
function takeAboard(file: string, bytes: number): void {
  if (statSync(file, { throwIfNoEntry: false })?.size === bytes) return
  const handle = openSync(file, 'w', 0o600)
  try {
    const block = Buffer.alloc(MIB)
    for (let left = bytes; left > 0; left -= block.length) writeSync(handle, block, 0, Math.min(left, block.length))
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
