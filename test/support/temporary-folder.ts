import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that is gone with the test. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
  /** The path of a name inside it. */
  readonly at: (name: string) => string
}

export const temporaryFolder = (): Promise<TemporaryFolder> => folderIn(tmpdir())

/** One in memory where the system has that: for tests that make thousands of commits, and pull no plug. */
export const memoryFolder = (): Promise<TemporaryFolder> => folderIn(existsSync('/dev/shm') ? '/dev/shm' : tmpdir())

async function folderIn(parent: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, 'mayfly-test-'))
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
