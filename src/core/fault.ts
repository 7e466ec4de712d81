/** Something wrong in a file that an operator wrote, with the way to mend it. Lines and columns count from 1. */
export interface Fault {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly mend: string
}

export const describeFault = (fault: Fault): string =>
  `${fault.file}:${fault.line}:${fault.column}: ${fault.message}. ${fault.mend}`
