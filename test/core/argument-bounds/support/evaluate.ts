import { outsideBounds } from '../../../../src/core/argument-bounds/outside-bounds.ts'
import type { Violation } from '../../../../src/core/argument-bounds/violation.ts'
import type { Json } from '../../../../src/core/json.ts'
import type { ToolAccess } from '../../../../src/core/tool-access.ts'

/** Bounds as somebody could have stored them: names and values are not checked, as the evaluation must not need it. */
export type AnyBounds = Readonly<Record<string, unknown>>

/** A tool entry with these bounds, keyed by argument. */
export const entry = (bounds: Readonly<Record<string, AnyBounds>>, only = false): ToolAccess => ({
  tool: 't',
  arguments: bounds,
  max_calls: null,
  only,
})

/** What is wrong with one argument, `x`, under these bounds; a value that is left out stands for no argument. */
export const outside = (bounds: AnyBounds, value?: Json): Violation | undefined =>
  outsideBounds(entry({ x: bounds }), value === undefined ? {} : { x: value })

export const holds = (bounds: AnyBounds, value?: Json): boolean => outside(bounds, value) === undefined

/** A row of a table: the bounds, values inside them and values outside. */
export type Row = readonly [bounds: AnyBounds, inside: readonly Json[], outside: readonly Json[]]

/** Every value of the rows that is not where the row says it is; empty where the table is right. */
export function misplaced(rows: readonly Row[]): readonly string[] {
  const said = (bounds: AnyBounds, value: Json): string => `${JSON.stringify(bounds)} and ${JSON.stringify(value)}`
  return rows.flatMap(([bounds, inside, out]) => [
    ...inside.flatMap((value) => {
      const wrong = outside(bounds, value)
      return wrong ? [`${said(bounds, value)}: ${wrong.message}`] : []
    }),
    ...out.filter((value) => holds(bounds, value)).map((value) => `${said(bounds, value)}: holds`),
  ])
}
