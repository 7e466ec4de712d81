import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { callAt, type TestBroker } from './broker.ts'
import type { Commit, KillPoint } from './kill-points.ts'
import { until } from './until.ts'
import type { UpstreamAddress } from './upstream-server.ts'

const CHILD = fileURLToPath(new URL('./broker-child.ts', import.meta.url))
/** Compiled code is kept, or every one of a hundred starts would compile everything anew. */
export const COMPILED = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/mayfly-test', import.meta.url)),
}

export interface ProcessBrokerOptions {
  readonly configFile: string
  readonly upstreams: readonly UpstreamAddress[]
  /** How far ahead of the real clock it starts, in milliseconds. */
  readonly ahead: number
  /** Such commits are answered for and not made: for controls. */
  readonly forget?: Commit
}

export type StartCommand = ProcessBrokerOptions & { readonly verb: 'start'; readonly broker: string }
export type Command =
  | StartCommand
  | { readonly verb: 'crash' }
  | { readonly verb: 'arm'; readonly broker: string; readonly point: KillPoint }
  | { readonly verb: 'advance'; readonly broker: string; readonly ms: number }
  | { readonly verb: 'sweep'; readonly broker: string }
export interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** One of the brokers in a process that can be killed. */
export interface ProcessBroker {
  readonly url: string
  readonly call: TestBroker['call']
  /** Makes it stop at that point for ever. Await `reached`, then kill. */
  readonly arm: (point: KillPoint) => Promise<unknown>
  /** Resolves when it has stopped there, or when its process is gone. */
  readonly reached: Promise<unknown>
  readonly advance: (ms: number) => Promise<unknown>
  readonly sweep: () => Promise<unknown>
}

/** A process with as many brokers as a test starts in it. Disposing of it kills it. */
export interface BrokerProcess extends AsyncDisposable {
  /** Starts one, and resolves when it is ready to grant. */
  readonly start: (options: ProcessBrokerOptions) => Promise<ProcessBroker>
  /** Resolves when it is gone. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>
  readonly ended: Promise<NodeJS.Signals | number>
  readonly log: () => string
  /** A bug of anybody's: Node writes its report into the folder that was named at the start, and the process ends. */
  readonly crash: () => Promise<void>
}

/** Starts the process; everything is loaded when it resolves, so that a broker in it starts as fast as it can. */
export async function startBrokerProcess({ reportsTo }: { readonly reportsTo?: string } = {}): Promise<BrokerProcess> {
  const report = reportsTo === undefined ? [] : ['--report-uncaught-exception', `--report-directory=${reportsTo}`]
  const child = spawn(process.execPath, [...report, CHILD], {
    env: { PATH: process.env['PATH'], ...COMPILED },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (log += chunk))
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as NodeJS.Signals | number)
  const asked = new Map<number, PromiseWithResolvers<unknown>>([[0, Promise.withResolvers()]])
  const stops = new Map<string, () => void>()
  let last = 0

  child.on('message', (message: Answer | { readonly reached: string }) => {
    if ('reached' in message) {
      stops.get(message.reached)?.()
      return
    }
    const waiting = asked.get(message.id)
    if (message.error === undefined) waiting?.resolve(message.value)
    else waiting?.reject(new Error(message.error))
    asked.delete(message.id)
  })
  void ended.then((how) => {
    for (const { reject } of asked.values()) reject(new Error(`The process is gone (${how}): ${log}`))
  })

  function ask(command: Command): Promise<unknown> {
    const answered = Promise.withResolvers<unknown>()
    answered.promise.catch(() => undefined)
    asked.set((last += 1), answered)
    child.send({ id: last, command }, (error) => {
      if (error) answered.reject(error)
    })
    return answered.promise
  }

  async function start(options: ProcessBrokerOptions): Promise<ProcessBroker> {
    const broker = options.configFile
    const url = String(await ask({ verb: 'start', broker, ...options }))
    const call = callAt(url)
    await until('the broker is ready', async () => (await call('GET', '/readyz')).status === 200)
    const stopped = new Promise<void>((resolve) => stops.set(broker, resolve))
    return {
      url,
      call,
      reached: Promise.race([stopped, ended]),
      arm: (point) => ask({ verb: 'arm', broker, point }),
      advance: (ms) => ask({ verb: 'advance', broker, ms }),
      sweep: () => ask({ verb: 'sweep', broker }),
    }
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    child.kill(signal)
    await ended
  }

  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => kill())
  await asked.get(0)?.promise
  const held = cleanup.move()
  return {
    start,
    kill,
    ended,
    log: () => log,
    crash: async () => {
      await Promise.all([ended, ask({ verb: 'crash' }).catch(() => undefined)])
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
