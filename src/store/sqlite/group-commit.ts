import Database from 'better-sqlite3'

/** More steps than this wait for the next commit, so that one commit never holds the loop for long. */
const MAX_GROUP = 256
/** And a step waits for no more turns of the loop than this, however many others keep coming. */
const MAX_TURNS = 16
/** Nor does it begin another step after so many milliseconds. */
const HELD_MS = 20
/** For so long a group waits for another process that holds the database, and looks again that often. */
const PATIENCE_MS = 5000
const LOOK_AGAIN_MS = 20

/** The store could not make something durable. Nothing of it is stored; the caller must not act as if it were. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** What SQLite says when it is the disk that fails, by the first words of its codes. */
const OUTAGES = ['FULL', 'IOERR', 'CORRUPT', 'READONLY', 'CANTOPEN', 'NOMEM', 'BUSY', 'LOCKED']

interface Waiting {
  /** Runs the step in its savepoint. Returns what to do once it is durable, or undefined when it threw and was rolled back. */
  readonly run: () => (() => void) | undefined
  readonly fail: (error: unknown) => void
}

/** What is kept in memory beside the rows: it follows every rollback. */
export interface Memory {
  /** A step begins. */
  readonly began: () => void
  /** The step that began last was rolled back alone. */
  readonly undone: () => void
  /** Everything since the last commit may be gone: read it anew. */
  readonly reread: () => void
}

export interface GroupCommit {
  readonly commit: <T>(step: () => T) => Promise<T>
  /** Durable commits so far. */
  readonly count: () => number
  /** Commits what waits and refuses the rest. */
  readonly close: () => void
}

interface Parts {
  readonly memory: readonly Memory[]
  /** The database could not be written. */
  readonly outage: (cause: unknown) => void
  readonly patienceMs?: number
}

/**
 * Collects what arrives within one turn of the loop into one durable commit: 2 to 4 times the rate of a commit each, with
 * `synchronous = FULL` kept. Each step has a savepoint of its own, so one that throws harms no neighbour.
 */
export function groupCommit(db: Database.Database, { memory, outage, patienceMs = PATIENCE_MS }: Parts): GroupCommit {
  const begin = db.prepare('begin immediate')
  const end = db.prepare('commit')
  const rollback = db.prepare('rollback')
  const save = db.prepare('savepoint step')
  const release = db.prepare('release step')
  const undo = db.prepare('rollback to step')
  const queue: Waiting[] = []
  let commits = 0
  let scheduled = false
  let closed = false
  /** Since when another process has held the database. */
  let busySince: number | undefined
  /** What is kept in memory could not be read anew after a rollback, and may be wrong: nothing is built on it. */
  let stale = false

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    nextTurn(0)
  }

  /** A turn that brought more steps is a sign of others on their way: they are cheaper to wait for than another commit. */
  function nextTurn(turn: number): void {
    const seen = queue.length
    setImmediate(() => {
      if (queue.length > seen && queue.length < MAX_GROUP && turn < MAX_TURNS) nextTurn(turn + 1)
      else flush()
    })
  }

  function flush(): void {
    scheduled = false
    const group: Waiting[] = []
    try {
      if (queue.length === 0) return
      reread()
      if (!began()) {
        scheduled = true
        setTimeout(flush, LOOK_AGAIN_MS)
        return
      }
      const settle = runSome(group)
      end.run()
      commits += 1
      for (const resolve of settle) resolve?.()
    } catch (cause) {
      refuse(group.length > 0 ? group : queue.splice(0, MAX_GROUP), cause)
    }
    if (queue.length > 0) schedule()
  }

  /** Runs what waits, as far as the loop may be held for it; the rest is the next group. */
  function runSome(group: Waiting[]): readonly ((() => void) | undefined)[] {
    const until = performance.now() + HELD_MS
    const settle: ((() => void) | undefined)[] = []
    do {
      const step = queue.shift()
      if (!step) break
      group.push(step)
      settle.push(step.run())
    } while (group.length < MAX_GROUP && performance.now() < until)
    return settle
  }

  function refuse(group: readonly Waiting[], cause: unknown): void {
    if (db.inTransaction) rollback.run()
    stale = true
    outage(cause)
    try {
      reread()
    } catch {
      // A page that does not read: the next group tries again, and is refused as this one is.
    }
    const error = new StoreUnavailable('The ledger could not be written', { cause })
    for (const { fail } of group) fail(error)
  }

  function reread(): void {
    if (!stale) return
    for (const part of memory) part.reread()
    stale = false
  }

  /** False while another process holds the database: the loop goes on meanwhile, which SQLite's own wait would stop. */
  function began(): boolean {
    try {
      begin.run()
      busySince = undefined
      return true
    } catch (error) {
      const now = performance.now()
      busySince ??= now
      if (isBusy(error) && !closed && now - busySince < patienceMs) return false
      busySince = undefined
      throw error
    }
  }

  function inSavepoint<T>(
    step: () => T,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): (() => void) | undefined {
    save.run()
    for (const part of memory) part.began()
    try {
      const value = step()
      release.run()
      return () => {
        resolve(value)
      }
    } catch (error) {
      // A full or failing disk is no fault of the step, and may have ended the whole transaction: then nobody commits.
      if (!db.inTransaction || isOutage(error)) throw error
      undo.run()
      release.run()
      for (const part of memory) part.undone()
      reject(error)
      return undefined
    }
  }

  return {
    commit: (step) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(new StoreUnavailable('The broker is stopping'))
          return
        }
        queue.push({ run: () => inSavepoint(step, resolve, reject), fail: reject })
        schedule()
      }),
    count: () => commits,
    close: () => {
      closed = true
      while (queue.length > 0) flush()
    },
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')

const isOutage = (error: unknown): boolean =>
  error instanceof Database.SqliteError && OUTAGES.some((code) => error.code.startsWith(`SQLITE_${code}`))
