import { spawnSync } from 'node:child_process'
import { rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

/** A real file system with little room, gone with the test. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  readonly free: () => number
  /** Takes up room until that much is left. */
  readonly fillTo: (bytes: number) => void
  /** Gives all of it back. */
  readonly empty: () => void
}

const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0

/** Undefined where this user may mount nothing. */
export async function smallDisk(megabytes: number): Promise<SmallDisk | undefined> {
  await using opened = new AsyncDisposableStack()
  const { path } = opened.use(await temporaryFolder())
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path)) return undefined
  opened.defer(() => {
    if (!run('umount', path)) run('umount', '--lazy', path)
  })
  const filler = join(path, 'filler')
  const free = (): number => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  const held = opened.move()
  return {
    path,
    free,
    fillTo: (bytes) => {
      rmSync(filler, { force: true })
      writeFileSync(filler, Buffer.alloc(Math.max(0, free() - bytes), 1))
    },
    empty: () => {
      truncateSync(filler, 0)
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
