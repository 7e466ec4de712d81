import {
  EvaluationError,
  ParseError,
  TypeError as CelTypeError,
  type ASTNode,
  type Environment,
} from '@marcbachmann/cel-js'

import { err, ok, type Result } from '../core/result.ts'
import { refusedParts, type ExpressionFault } from './refused-parts.ts'

export type Facts = Readonly<Record<string, unknown>>

/** A condition that parses, type-checks and is bounded. `evaluate` throws what CEL calls an error. */
export interface Expression {
  readonly ast: ASTNode
  readonly evaluate: (facts: Facts) => unknown
  /** One part of it as a function of facts. */
  readonly part: (node: ASTNode) => (facts: Facts) => unknown
}

export function parseExpression(
  environment: Environment,
  text: string,
): Result<Expression, readonly ExpressionFault[]> {
  try {
    const parsed = environment.parse(text)
    const checked = parsed.check()
    if (!checked.valid) return err([faultOf(checked.error)])
    if (checked.type !== 'bool')
      return err([
        {
          offset: 0,
          message: `the condition is of type ${String(checked.type)}`,
          mend: 'Write one that is true or false.',
        },
      ])
    const faults = refusedParts(parsed.ast)
    if (faults.length > 0) return err(faults)
    return ok({
      ast: parsed.ast,
      evaluate: (facts) => parsed(facts) as unknown,
      part: ({ start, end }) => environment.parse(text.slice(start, end)),
    })
  } catch (error) {
    return err([faultOf(error)])
  }
}

function faultOf(error: unknown): ExpressionFault {
  const cel =
    error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError ? error : undefined
  const message =
    cel?.summary ??
    (error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : 'the condition cannot be read')
  return {
    offset: cel?.range?.start ?? 0,
    message,
    mend: 'The facts and functions that a rule may use are listed in docs/rules.md.',
  }
}
