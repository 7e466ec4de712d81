import { unwatchFile, watchFile } from 'node:fs'

/** How often a file is looked at. Polling also sees what editors, mounts and symlink swaps do, which events miss. */
const EVERY_MS = 1000
/** Several files are usually saved together. */
const SETTLE_MS = 300

/** Calls `changed` after any of the files has changed, once for changes that come together. */
export function watchFiles(files: readonly string[], changed: () => void): Disposable {
  let settling: NodeJS.Timeout | undefined
  const seen = (): void => {
    clearTimeout(settling)
    settling = setTimeout(changed, SETTLE_MS)
  }
  for (const file of files) watchFile(file, { interval: EVERY_MS, persistent: false }, seen)
  return {
    [Symbol.dispose]: () => {
      clearTimeout(settling)
      for (const file of files) unwatchFile(file, seen)
    },
  }
}
