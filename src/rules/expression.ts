import {
  EvaluationError,
  ParseError,
  TypeError as CelTypeError,
  type ASTNode,
  type Environment,
} from '@marcbachmann/cel-js'

import { err, ok, type Result } from '../core/result.ts'
import { linear } from './fact-types.ts'

/** A condition that parses, type-checks and is bounded. */
export interface Expression {
  readonly ast: ASTNode
  readonly evaluate: (facts: Readonly<Record<string, unknown>>) => unknown
}

/** What is wrong with a condition, and at which character of it. */
export interface ExpressionFault {
  readonly offset: number
  readonly message: string
  readonly mend: string
}

const COMPREHENSIONS = ['all', 'exists', 'exists_one', 'filter', 'map']

export function parseExpression(environment: Environment, text: string): Result<Expression, ExpressionFault> {
  try {
    const parsed = environment.parse(text)
    const checked = parsed.check()
    if (!checked.valid) return err(faultOf(checked.error))
    if (checked.type !== 'bool')
      return err({
        offset: 0,
        message: `The condition is of type ${String(checked.type)}`,
        mend: 'Write one that is true or false.',
      })
    const fault = refused(parsed.ast)
    return fault ? err(fault) : ok({ ast: parsed.ast, evaluate: (facts) => parsed(facts) as unknown })
  } catch (error) {
    return err(faultOf(error))
  }
}

function faultOf(error: unknown): ExpressionFault {
  const cel =
    error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError ? error : undefined
  const message =
    cel?.summary ??
    (error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : 'The condition cannot be read')
  return {
    offset: cel?.range?.start ?? 0,
    message,
    mend: 'The facts and functions that a rule may use are listed in docs/rules.md.',
  }
}

/** Patterns in time that depends on an attacker's text, and nested passes over an attacker's arguments. */
function refused(node: ASTNode, overArguments = false): ExpressionFault | undefined {
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    return { offset: node.start, message: 'matches() can take time without bound', mend: 'Write re2(text, "pattern").' }
  }
  if (node.op === 'call' && node.args[0] === 're2') {
    const fault = patternFault(node.args[1][1])
    if (fault) return fault
  }
  const comprehension = node.op === 'rcall' && COMPREHENSIONS.includes(node.args[0])
  if (comprehension && overArguments) {
    return {
      offset: node.start,
      message: 'A pass inside a pass over arguments has no bound on its cost',
      mend: 'Split it into two rules, or look at one argument by name.',
    }
  }
  const inside = overArguments || (comprehension && identifiers(node.args[1]).has('arguments'))
  return childrenOf(node).reduce<ExpressionFault | undefined>(
    (found, child) => found ?? refused(child, inside),
    undefined,
  )
}

function patternFault(pattern: ASTNode | undefined): ExpressionFault | undefined {
  if (pattern?.op !== 'value' || typeof pattern.args !== 'string') {
    return {
      offset: pattern?.start ?? 0,
      message: 'The pattern of re2() is not a constant',
      mend: 'Write it out as a text.',
    }
  }
  try {
    linear(pattern.args)
    return undefined
  } catch (error) {
    return {
      offset: pattern.start,
      message: `The pattern is not RE2: ${error instanceof Error ? error.message : 'it cannot be read'}`,
      mend: 'Mend the pattern.',
    }
  }
}

/** The nodes right below one, whatever its kind. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  return nodesIn(node.args)
}

function nodesIn(value: unknown): readonly ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn)
  return isNode(value) ? [value] : []
}

const isNode = (value: unknown): value is ASTNode =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value

/** Every name that stands for a variable in it. */
export function identifiers(node: ASTNode): ReadonlySet<string> {
  const own = node.op === 'id' ? [node.args] : []
  return new Set([...own, ...childrenOf(node).flatMap((child) => [...identifiers(child)])])
}
