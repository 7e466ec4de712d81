import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { until } from './until.ts'

const MAYFLY = fileURLToPath(new URL('../../bin/mayfly.js', import.meta.url))

interface Surroundings {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** How a process ended. */
interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

interface Ran extends Ended {
  readonly stdout: string
  readonly stderr: string
}

/** The real command, as a process of its own. Disposing of it kills it. */
export interface MayflyProcess extends AsyncDisposable {
  /** Of the broker itself: the started process is the broker. */
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly kill: (signal: NodeJS.Signals) => boolean
  readonly ended: Promise<Ended>
}

export interface RunningBroker extends MayflyProcess {
  readonly url: string
}

/** Starts `mayfly dev` or `mayfly serve` and waits for the line that says where it listens. */
export async function startMayfly(args: readonly string[], surroundings: Surroundings): Promise<RunningBroker> {
  const started = spawnMayfly(args, surroundings)
  const listening = until('the broker listens', () => started.stdout().includes('\n'))
  const tooSoon = started.ended.then(({ code }) => {
    throw new Error(`mayfly ${args.join(' ')} ended with ${String(code)}: ${started.stderr()}`)
  })
  await Promise.race([listening, tooSoon])
  tooSoon.catch(() => undefined)
  listening.catch(() => undefined)
  const { url } = JSON.parse(started.stdout()) as { readonly url: string }
  return { ...started, url }
}

/** Runs one command to its end. */
export async function runMayfly(args: readonly string[], surroundings: Surroundings): Promise<Ran> {
  await using started = spawnMayfly(args, surroundings)
  const { code, signal } = await started.ended
  return { code, signal, stdout: started.stdout(), stderr: started.stderr() }
}

/** Runs a line that somebody pastes into a shell. */
export async function runShell(script: string, { cwd, env }: Surroundings): Promise<Ran> {
  const child = spawn('sh', ['-eu', '-c', script], { cwd, env: outside(env), stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  return { code, signal, stdout, stderr }
}

/** Starts one command, to be looked at while it runs. */
export function spawnMayfly(args: readonly string[], { cwd, env }: Surroundings): MayflyProcess {
  const child = spawn(process.execPath, [MAYFLY, ...args], {
    cwd,
    env: outside(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal }))
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => child.kill(signal),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The environment without what npm and the developer's own broker put there. */
function outside(env: Surroundings['env'] = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|MAYFLY_|INIT_CWD$)/i.test(name))
  return { ...Object.fromEntries(kept), ...env }
}
