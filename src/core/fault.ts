import type { SourceDocument, Step } from './source-document.ts'

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

/** A fault in a document, at a path of it. */
export function faultAt(
  document: SourceDocument,
  path: readonly Step[],
  said: { readonly message: string; readonly mend: string },
  offset?: number,
): Fault {
  return { file: document.file, ...document.at(path, offset), ...said }
}
