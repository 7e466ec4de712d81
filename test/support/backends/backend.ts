import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Context } from 'mocha'
import { skipBecause } from '../skip-because.ts'

const CACHE = join(import.meta.dirname, '../../../.cache/backends')

/** The folder of a backend that `scripts/backends install` has put there. */
export const folderOf = (name: string): string => join(CACHE, name)

/** Skips by name what this machine lacks; where CI is set a skip fails. For a `before` hook. */
export function needsBackend(context: Context, ...names: readonly string[]): void {
  const missing = names.find((name) => !existsSync(join(folderOf(name), '.installed')))
  if (missing !== undefined) skipBecause(context, `${missing} is not installed: run scripts/backends install`)
}

/** A port that is free, and whose successor is free too: some servers take both. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = await listening(0)
    const { port } = first.address() as AddressInfo
    const second = await listening(port + 1).catch(() => undefined)
    first.close()
    second?.close()
    if (second) return port
  }
  throw new Error('No two free ports in a row')
}

async function listening(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** A server process of this test run, with what it printed. */
export interface ServerProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly output: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  /** Ends it and waits until it is gone. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

/** Starts a program that nobody else answers for. It dies with this process, however that ends. */
export function startServer(command: string, args: readonly string[], options: SpawnOptions = {}): ServerProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', (error) => (output += error.message))
  const killed = (): void => void child.kill('SIGKILL')
  process.once('exit', killed)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    process.off('exit', killed)
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill(signal)
    await once(child, 'exit')
  }
  return {
    child,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    end,
    [Symbol.asyncDispose]: () => end('SIGKILL'),
  }
}

/** Waits until a server answers; one that ends instead is an error with all that it printed. */
export async function answering(server: ServerProcess, ready: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end;) {
    if (server.child.exitCode !== null || server.child.pid === undefined) break
    if (await ready().catch(() => false)) return
    await wait(20)
  }
  throw new Error(`The server did not become ready:\n${server.output()}`)
}
