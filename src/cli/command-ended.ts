/** A command that ends with an exit code of its own and has nothing more to say, such as that of a command under a lease. */
export class CommandEnded extends Error {
  override readonly name = 'CommandEnded'
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`The command ended with ${exitCode}`)
    this.exitCode = exitCode
  }
}

/** What shells say of a command that the user interrupted. */
export const INTERRUPTED = 130
