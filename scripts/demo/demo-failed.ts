/** Why the demo could not go on, and what its audience can do about it. Never a secret. */
export class DemoFailed extends Error {
  override readonly name = 'DemoFailed'
  readonly mend: string

  constructor(cause: string, mend: string) {
    super(cause)
    this.mend = mend
  }
}
