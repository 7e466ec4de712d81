import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where a restore prepares what it puts in place. It is gone when everything is. */
export const RESTORING = 'restoring'

/** A restore was cut off: the folder holds a part of it, and a broker would take that for a first start. */
class RestoreUnfinished extends Error {
  override readonly name = 'RestoreUnfinished'
}

/** Throws where the ledger was not put in its place yet. What else a restore left behind is removed. */
export function refuseUnfinishedRestore(dataDir: string): void {
  const prepared = join(dataDir, RESTORING)
  if (statSync(join(prepared, 'mayfly.db'), { throwIfNoEntry: false }) === undefined) {
    rmSync(prepared, { recursive: true, force: true })
    return
  }
  throw new RestoreUnfinished(
    `A restore into ${dataDir} was not finished. Run the same mayfly restore again; it goes on from where it was.`,
  )
}
