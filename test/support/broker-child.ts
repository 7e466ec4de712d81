import { createLog } from '../../src/commands/create-log.ts'
import { startApp, type App } from '../../src/app.ts'
import { fileSources } from '../../src/config/file-sources.ts'
import { describeFault } from '../../src/core/fault.ts'
import { ok } from '../../src/core/result.ts'
import { loadPolicy } from '../../src/local/load-policy.ts'
import type { Answer, Command, StartCommand } from './broker-process.ts'
import { killPoints } from './kill-points.ts'
import { withUpstreams } from './upstream-broker.ts'
import { remoteUpstream } from './upstream-server.ts'

/**
 * A process of its own for broker-process.ts: runs brokers over real folders, each with a clock that the test moves, and
 * with ports that stop it at a named point until the test kills the process.
 */
interface Running {
  readonly app: App
  readonly points: ReturnType<typeof killPoints>
  readonly advance: (ms: number) => void
}

const brokers = new Map<string, Running>()
const log = createLog('json')
const tell = (message: Answer | { readonly reached: string }): void => void process.send?.(message)

async function start({ broker, configFile, upstreams, ahead, forget }: StartCommand): Promise<string> {
  let offset = ahead
  const points = killPoints(() => {
    tell({ reached: broker })
  })
  if (forget) points.forget(forget)
  const add = withUpstreams(upstreams.map(({ traits }) => ({ name: traits.name ?? 'up' })))
  const load = (): ReturnType<typeof loadPolicy> => {
    const loaded = loadPolicy(configFile, fileSources({}))
    return loaded.ok ? ok(add(loaded.value)) : loaded
  }
  const loaded = load()
  if (!loaded.ok) throw new Error(loaded.error.map(describeFault).join('\n'))
  const app = await startApp({
    loaded: loaded.value,
    reload: load,
    log,
    version: 'test',
    clock: () => Date.now() + offset,
    decorate: { store: points.store, provider: points.provider, upstreams: upstreams.map(remoteUpstream) },
  })
  brokers.set(broker, { app, points, advance: (ms) => void (offset += ms) })
  return app.url
}

async function obey(command: Command): Promise<unknown> {
  if (command.verb === 'start') return start(command)
  if (command.verb === 'crash') {
    setImmediate(() => {
      throw new Error('A bug')
    })
    return null
  }
  const running = brokers.get(command.broker)
  if (!running) throw new Error(`No broker ${command.broker} runs here`)
  switch (command.verb) {
    case 'arm':
      running.points.arm(command.point)
      return null
    case 'advance':
      running.advance(command.ms)
      return null
    case 'sweep':
      await running.app.sweep()
      return null
  }
}

process.on('message', ({ id, command }: { readonly id: number; readonly command: Command }) => {
  obey(command).then(
    (value) => {
      tell({ id, value })
    },
    (error: unknown) => {
      tell({ id, error: String(error) })
    },
  )
})
// SIGTERM ends it in order, as it ends the real command.
process.on('SIGTERM', () => {
  void Promise.all([...brokers.values()].map(({ app }) => app[Symbol.asyncDispose]())).then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(1))
tell({ id: 0, value: null })
