import { statSync, type BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** How often the files are looked at. Polling also sees what editors, mounts and symlink swaps do, which events miss. */
const EVERY_MS = 1000
/** Several files are usually saved together. */
const SETTLE_MS = 300
/** The stamp of a file that cannot be looked at. */
const GONE = ''

export interface WatchedFiles extends Disposable {
  /** Watches these files from now on, which were read at `readAt`: whatever was written since then is a change. */
  readonly follow: (files: readonly string[], readAt: number) => void
}

/** Calls `changed` after any of the files has changed, once for changes that come together. */
export function watchFiles(changed: () => void): WatchedFiles {
  const known = new Map<string, string>()
  let settling: NodeJS.Timeout | undefined
  const seen = (): void => {
    clearTimeout(settling)
    settling = setTimeout(changed, SETTLE_MS)
  }

  async function look(): Promise<void> {
    for (const [file, before] of [...known]) {
      const now = await stat(file, { bigint: true }).then(stampOf, () => GONE)
      if (now === before || known.get(file) !== before) continue
      known.set(file, now)
      seen()
    }
  }
  const turns = setInterval(() => void look(), EVERY_MS).unref()

  return {
    follow: (files, readAt) => {
      for (const file of known.keys()) if (!files.includes(file)) known.delete(file)
      // A file that is watched already keeps its stamp, so that a change while the files were read is still found.
      for (const file of files.filter((each) => !known.has(each))) {
        const now = lookAt(file)
        known.set(file, now ? stampOf(now) : GONE)
        if (now && now.mtimeMs > readAt) seen()
      }
    },
    [Symbol.dispose]: () => {
      known.clear()
      clearInterval(turns)
      clearTimeout(settling)
    },
  }
}

function lookAt(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true })
  } catch {
    return undefined
  }
}

const stampOf = ({ mtimeNs, size, ino }: BigIntStats): string => `${mtimeNs} ${size} ${ino}`
