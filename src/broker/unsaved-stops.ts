import type { MarkId } from '../core/id.ts'
import type { Mark } from '../core/mark.ts'
import type { BrokerLog, UnsavedStops } from './ports.ts'

/** In memory only: a restart forgets what could not be written, and whoever asked was told so. */
export function createUnsavedStops(log: BrokerLog): UnsavedStops {
  const held = new Map<MarkId, { readonly mark: Mark; readonly write: () => Promise<unknown> }>()
  let marks: readonly Mark[] = []
  const look = (): void => void (marks = [...held.values()].map(({ mark }) => mark))
  return {
    marks: () => marks,
    add: (mark, write) => {
      held.set(mark.id, { mark, write })
      look()
      log.error({ scope: mark.scope }, 'a stop could not be written: it holds in this process, and is tried again')
    },
    retry: async () => {
      // Together: one that can never be written must not keep the others waiting.
      const written = await Promise.allSettled([...held].map(([id, { write }]) => write().then(() => held.delete(id))))
      if (written.length > 0) look()
    },
  }
}
