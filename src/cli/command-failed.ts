/** How a command ends, as running.md lists it. */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  unauthenticated: 5,
  pending: 6,
  conflict: 7,
  upstream: 8,
  frozen: 9,
  later: 75,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A command that cannot do what it was asked: the cause, how to mend it, and where to read more. Never a secret. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly exitCode: ExitCode
  readonly mend: string
  readonly link: string | null

  constructor(exitCode: ExitCode, said: { readonly cause: string; readonly mend: string; readonly link?: string }) {
    super(said.cause)
    this.exitCode = exitCode
    this.mend = said.mend
    this.link = said.link ?? null
  }
}
