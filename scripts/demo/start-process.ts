import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

import { DemoFailed } from './demo-failed.ts'

const START_MS = 30_000
/** The broker lets what is in flight finish for ten seconds. */
const STOP_MS = 15_000
const LOG_LINES = 12
const said = new Map<string, readonly string[]>()

export interface StartedProcess extends AsyncDisposable {
  readonly url: string
}

interface Program {
  /** As the audience knows it. */
  readonly name: string
  /** Script and arguments for Node. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** Starts a Node program that prints `{"event":"listening","url"}` once it serves. Disposing of it stops it. */
export async function startProcess({ name, args, env, signal }: Program): Promise<StartedProcess> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const log = lastLines(child.stderr)
  said.set(name, log)
  await using life = new AsyncDisposableStack()
  // Should this process end without disposing of anything, the child ends with it.
  const abandon = (): void => void child.kill('SIGKILL')
  process.once('exit', abandon)
  life.defer(() => void process.off('exit', abandon))
  life.defer(() => stop(child))

  const late = AbortSignal.timeout(START_MS)
  const end = AbortSignal.any([signal, late])
  const ended = once(child, 'exit', { signal: end }).then(([code, by]) => ({ why: `it ended (${code ?? by})` }))
  const heard = await Promise.race([firstLine(child.stdout, end), ended]).catch((error: unknown) => {
    if (!late.aborted) throw error
    return { why: `it was not there after ${START_MS / 1000} s` }
  })
  if (typeof heard !== 'string')
    throw new DemoFailed(`${name} did not start: ${heard.why}.`, 'Mend what stands above, and run this again.')
  const started = life.move()
  return {
    url: (JSON.parse(heard) as { readonly url: string }).url,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function firstLine(stdout: Readable, signal: AbortSignal): Promise<string> {
  const [line] = (await once(createInterface({ input: stdout }), 'line', { signal })) as [string]
  return line
}

/** A list that always holds the last lines of what comes. */
function lastLines(stderr: Readable): readonly string[] {
  const lines: string[] = []
  createInterface({ input: stderr }).on('line', (line) => {
    lines.push(line)
    if (lines.length > LOG_LINES) lines.shift()
  })
  return lines
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(late)
}

/** What every process said last, for whoever has to find out why it failed. */
export const lastWords = (): string =>
  [...said].map(([name, lines]) => (lines.length === 0 ? '' : `${name} said last:\n${lines.join('\n')}\n`)).join('')
