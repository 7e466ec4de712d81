/** Why the broker cannot serve now, if it cannot. */
export interface Readiness {
  readonly reasons: () => readonly string[]
  readonly started: () => void
  /** Resolves once the start is over and the database is known to be whole; rejects where it is not. */
  readonly begun: Promise<unknown>
  /** Aborted when a stop was asked for: whoever waits in a long-poll is answered at once. */
  readonly stopping: AbortSignal
  readonly stop: () => void
}

interface Parts {
  /** Settled once the database is known to be whole. */
  readonly integrity: Promise<void>
  readonly sweepLate: () => boolean
  readonly clockStop: () => 'behind' | 'ahead' | null
  readonly lowSpace: () => boolean
  readonly recovery: () => string | undefined
  readonly damaged: (error: unknown) => void
}

export function createReadiness(parts: Parts): Readiness {
  const { integrity, sweepLate, clockStop, lowSpace, recovery, damaged } = parts
  const stopping = new AbortController()
  const start = Promise.withResolvers<undefined>()
  let starting = true
  let database: 'checking' | 'whole' | 'damaged' = 'checking'
  integrity.then(
    () => (database = 'whole'),
    (error: unknown) => {
      database = 'damaged'
      damaged(error)
    },
  )
  return {
    started: () => {
      starting = false
      start.resolve(undefined)
    },
    begun: Promise.all([start.promise, integrity]),
    stopping: stopping.signal,
    stop: () => {
      stopping.abort()
    },
    reasons: () => [
      ...(stopping.signal.aborted ? ['The broker is stopping'] : []),
      ...(starting ? ['The broker is starting'] : []),
      ...(database === 'checking' ? ['The database is being checked after an unclean stop'] : []),
      ...(database === 'damaged' ? ['The database is damaged: restore a backup'] : []),
      ...[recovery()].filter((reason) => reason !== undefined),
      ...clockReasons(clockStop()),
      ...(lowSpace() ? ['The disk is nearly full'] : []),
      ...(sweepLate() ? ['The sweep has missed three turns'] : []),
    ],
  }
}

function clockReasons(stop: 'behind' | 'ahead' | null): readonly string[] {
  if (stop === null) return []
  return [
    `The clock is ${stop === 'ahead' ? 'ahead of' : 'behind'} the time that is believed: set it right, or accept it`,
  ]
}
