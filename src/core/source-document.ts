import type { Json } from './json.ts'

/** A step into a document: a member's name or an item's index. */
export type Step = string | number

/** A file that an operator wrote, parsed, which still knows where everything stands. */
export interface SourceDocument {
  readonly file: string
  readonly value: Json
  /** Line and column, from 1, of the value at the path, or of its nearest parent. `offset` counts characters into a text. */
  readonly at: (path: readonly Step[], offset?: number) => { readonly line: number; readonly column: number }
  /** The same of the name of a member instead of its value. */
  readonly keyAt: (path: readonly Step[]) => { readonly line: number; readonly column: number }
}
