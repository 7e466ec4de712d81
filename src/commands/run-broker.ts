import { startApp, type App } from '../app.ts'
import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import type { Terminal } from '../cli/terminal.ts'
import { fileSources } from '../config/file-sources.ts'
import { describeFault } from '../core/fault.ts'
import { loadPolicy } from '../local/load-policy.ts'
import { createLog, type LogFormat } from './create-log.ts'
import { keepLoaded } from './keep-loaded.ts'
import { VERSION } from './version.ts'

export interface RunOptions {
  /** Absolute. */
  readonly configFile: string
  readonly listen: { readonly host: string; readonly port: number } | null
  readonly dataDir: string | null
  readonly logFormat: LogFormat
  readonly listening: (app: App) => void
}

/**
 * A broker from start to stop, in this process. SIGHUP and a change of a file that it was made from load the
 * configuration again; SIGTERM and SIGINT let what is in flight finish. Resolves when it has stopped in order.
 */
export async function runBroker(terminal: Terminal, options: RunOptions): Promise<void> {
  const { configFile, listen, dataDir, listening } = options
  const log = createLog(options.logFormat)
  const load = () => loadPolicy(configFile, fileSources(terminal.env))
  const readAt = Date.now()
  const loaded = load()
  if (!loaded.ok) {
    for (const fault of loaded.error) terminal.err(`${describeFault(fault)}\n`)
    const count = loaded.error.length === 1 ? 'a fault' : `${loaded.error.length} faults`
    throw new CommandFailed(EXIT.error, {
      cause: `The configuration has ${count}.`,
      mend: 'Mend what is listed above, then start again. `mayfly config check FILE` says the same without starting.',
    })
  }
  for (const warning of loaded.value.warnings) log.warn(describeFault(warning))

  const stopped = Promise.withResolvers<undefined>()
  const stop = (): void => {
    stopped.resolve(undefined)
  }
  const failed = (error: unknown): void => {
    log.fatal({ err: error }, 'a bug: the broker stops')
    stopped.reject(bug())
  }
  let reload = (): void => undefined
  // Signals are heard until the process is gone: one that comes late, while it ends, must not end it another way.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => {
    reload()
  })
  await using life = new AsyncDisposableStack()
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, failed)
    life.defer(() => void process.off(event, failed))
  }

  const app = life.use(
    await startApp({
      loaded: loaded.value,
      reload: load,
      log,
      version: VERSION,
      env: terminal.env,
      ...(listen && { listen }),
      ...(dataDir !== null && { dataDir }),
    }).catch((error: unknown) => {
      throw whyNotStarted(error)
    }),
  )
  const { files } = loaded.value.configuration
  const notLoaded = (error: unknown): void => {
    log.error({ err: error }, 'the configuration could not be loaded again; it is tried again')
  }
  reload = life.use(keepLoaded(app, { files, readAt, failed: notLoaded })).again
  listening(app)
  await stopped.promise
  log.info('stopping: what is in flight may finish')
}

const bug = (): CommandFailed =>
  new CommandFailed(EXIT.error, {
    cause: 'The broker met a bug and stopped.',
    mend: 'The log above says where. Please report it.',
  })

/** What stops a start has a name and a mend; everything else is a bug and keeps its stack. */
function whyNotStarted(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return new CommandFailed(EXIT.error, {
      cause: `The address is taken: ${error.message.replace(/^.*address already in use /, '')}.`,
      mend: 'Stop what listens there, or start this broker with --listen 127.0.0.1:PORT (0 picks a free port).',
    })
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new CommandFailed(EXIT.error, {
      cause: error.message,
      mend: 'Give --listen or --data a place that this user may use.',
    })
  }
  if (
    !['DataFolderInUse', 'DatabaseDamaged', 'SchemaTooNew', 'KeyFault', 'StartRefused', 'RestoreUnfinished'].includes(
      error.name,
    )
  )
    return error
  const [cause = error.message, ...mend] = error.message.split(/(?<=\.) /)
  return new CommandFailed(EXIT.error, { cause, mend: mend.join(' ') })
}
