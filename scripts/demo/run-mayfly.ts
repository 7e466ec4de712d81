import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'

/** The command itself, as npm installs it. */
export const MAYFLY = fileURLToPath(new URL('../../bin/mayfly.js', import.meta.url))

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** Runs one `mayfly` command to its end. */
export async function runMayfly(args: readonly string[], { env, signal }: Surroundings): Promise<Ran> {
  const child = spawn(process.execPath, [MAYFLY, ...args], { env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}
