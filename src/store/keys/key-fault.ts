/** A key file that the broker can't start with. Nothing is ever made anew in its place: that would hide the loss. */
export class KeyFault extends Error {
  readonly file: string
  /** What the operator can do about it. */
  readonly mend: string

  constructor(file: string, what: string, mend: string) {
    super(`${file}: ${what}. ${mend}`)
    this.name = 'KeyFault'
    this.file = file
    this.mend = mend
  }
}
