import { SECOND_MS, type Instant } from '../../core/time.ts'
import type { EndedSession } from './deny-policy.ts'
import type { Role } from './role-arn.ts'
import { writeEndedSessions, type DenyPolicyParts, type WriteOutcome } from './write-ended-sessions.ts'

/** IAM is for rare changes: one write in this time, however many sessions end. */
const BETWEEN_WRITES_MS = 2 * SECOND_MS
/** All calls of one write together. */
const WRITE_MS = 8 * SECOND_MS
/** For so long a confirmed write also answers for the other sessions that it denied. */
const ANSWERS_FOR_MS = 30 * SECOND_MS

export interface DenyWriterParts extends DenyPolicyParts {
  readonly ended: (target: string) => readonly EndedSession[]
}

/** The one writer of one role's deny policy. */
export interface DenyWriter {
  /** Resolves with the write that a session was part of. Never rejects, and has no signal: others wait for the same one. */
  deny(session: EndedSession): Promise<WriteOutcome>
}

/**
 * IAM keeps the last policy that was put and compares nothing, so that two writers would undo each other: there is one,
 * each write is rendered whole from what the ledger says then, and a session that comes while a write is on its way is
 * part of the next.
 */
export function createDenyWriter(parts: DenyWriterParts, role: Role): DenyWriter {
  const { clock, pause, ended } = parts
  let last: { readonly at: Instant; readonly outcome: WriteOutcome } | undefined
  /** The write that is on its way, or was the last. */
  let writing: Promise<unknown> = Promise.resolve()
  /** The write that still takes sessions. */
  let next: { readonly sessions: EndedSession[]; readonly outcome: Promise<WriteOutcome> } | undefined

  const write = async (sessions: readonly EndedSession[]): Promise<WriteOutcome> => {
    const all = () => [...ended(role.arn), ...sessions]
    const outcome = await writeEndedSessions(parts, role.name, all, AbortSignal.timeout(WRITE_MS))
    last = { at: clock(), outcome }
    return outcome
  }
  const open = () => {
    const sessions: EndedSession[] = []
    const before = writing
    const outcome = (async () => {
      await before
      // Bounded on both sides, because the clock may jump.
      const rest = last === undefined ? 0 : last.at + BETWEEN_WRITES_MS - clock()
      if (rest > 0) await pause(Math.min(rest, BETWEEN_WRITES_MS))
      next = undefined
      return await write(sessions)
    })()
    writing = outcome
    return { sessions, outcome }
  }
  /** The last write, where it has just confirmed this session: the ledger's whole list was in it. */
  const answered = (handle: string): WriteOutcome | undefined => {
    if (last?.outcome.kind !== 'confirmed' || !last.outcome.denied.has(handle)) return undefined
    return Math.abs(clock() - last.at) < ANSWERS_FOR_MS ? last.outcome : undefined
  }
  return {
    async deny(session) {
      const known = answered(session.handle)
      if (known) return known
      next ??= open()
      next.sessions.push(session)
      return await next.outcome
    },
  }
}
