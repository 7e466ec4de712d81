import type { App } from '../app.ts'
import { watchFiles } from './watch-files.ts'

/** How soon a load is tried again that could not be recorded. */
const RETRY_MS = 5000

interface Loaded {
  /** What the configuration in force was read from. */
  readonly files: readonly string[]
  readonly readAt: number
  readonly failed: (error: unknown) => void
}

export interface KeptLoaded extends AsyncDisposable {
  /** Loads the configuration again now, or once more after the load that is running. */
  readonly again: () => void
}

/** Loads the configuration again after a file of it has changed. One load at a time: an older one must not win. */
export function keepLoaded(app: Pick<App, 'reload'>, { files, readAt, failed }: Loaded): KeptLoaded {
  let running: Promise<void> | undefined
  let wanted = false
  let over = false
  let retry: NodeJS.Timeout | undefined

  function again(): void {
    if (over) return
    if (running) wanted = true
    else running = load().then(loaded)
  }

  function loaded(): void {
    running = undefined
    if (wanted) again()
  }

  async function load(): Promise<void> {
    clearTimeout(retry)
    wanted = false
    const startedAt = Date.now()
    try {
      const result = await app.reload()
      // On a fault the files of the configuration in force stay watched: mending one of them loads again.
      if (result.ok) watching.follow(result.value.files, startedAt)
    } catch (error) {
      failed(error)
      retry = setTimeout(again, RETRY_MS).unref()
    }
  }

  const watching = watchFiles(again)
  watching.follow(files, readAt)
  return {
    again,
    [Symbol.asyncDispose]: async () => {
      over = true
      watching[Symbol.dispose]()
      await running
      clearTimeout(retry)
    },
  }
}
