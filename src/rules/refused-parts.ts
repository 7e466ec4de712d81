import type { ASTNode } from '@marcbachmann/cel-js'

import { linear } from './fact-types.ts'
import { childrenOf, identifiers, passOf } from './syntax-tree.ts'

/** What is wrong with a condition, and at which character of it. */
export interface ExpressionFault {
  readonly offset: number
  readonly message: string
  readonly mend: string
}

/** Facts whose size and shape are the caller's. */
const FREE = ['arguments', 'context']

/** Whether some pass stands around a node, and whether one of those is over what a caller sends. */
type Inside = 'nothing' | 'a pass' | 'a free pass'

/** Patterns in time that depends on an attacker's text, and passes inside passes over what an attacker sends. */
export function refusedParts(node: ASTNode, inside: Inside = 'nothing'): readonly ExpressionFault[] {
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    const mend = 'Write re2(text, "pattern").'
    return [{ offset: node.start, message: 'matches() can take time without bound', mend }]
  }
  if (isBinding(node)) {
    const mend = 'Write the value out where it is used.'
    return [{ offset: node.start, message: 'cel.bind() hides what a pass is over', mend }]
  }
  const pattern = node.op === 'call' && node.args[0] === 're2' ? patternFaults(node.args[1][1]) : []
  const pass = passOf(node)
  if (!pass) return [...pattern, ...childrenOf(node).flatMap((child) => refusedParts(child, inside))]
  const free = isFree(pass.list)
  if (inside === 'a free pass' || (inside === 'a pass' && free)) {
    const mend = 'Split it into two rules, or look at one item by name.'
    return [{ offset: node.start, message: 'a pass inside a pass over arguments has no bound on its cost', mend }]
  }
  const within: Inside = free ? 'a free pass' : 'a pass'
  return [...refusedParts(pass.list, inside), ...pass.bodies.flatMap((body) => refusedParts(body, within))]
}

const isBinding = (node: ASTNode): boolean =>
  node.op === 'rcall' && node.args[0] === 'bind' && node.args[1].op === 'id' && node.args[1].args === 'cel'

/** Over free JSON, or over the pieces of a text: both can have thousands of items. */
function isFree(list: ASTNode): boolean {
  const names = identifiers(list)
  return FREE.some((name) => names.has(name)) || splits(list)
}

const splits = (node: ASTNode): boolean =>
  (node.op === 'rcall' && node.args[0] === 'split') || childrenOf(node).some(splits)

function patternFaults(pattern: ASTNode | undefined): readonly ExpressionFault[] {
  const offset = pattern?.start ?? 0
  if (pattern?.op !== 'value' || typeof pattern.args !== 'string')
    return [{ offset, message: 'the pattern of re2() is not a constant', mend: 'Write it out as a text.' }]
  try {
    linear(pattern.args)
    return []
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read'
    return [{ offset, message: `the pattern is not RE2: ${why}`, mend: 'Mend the pattern.' }]
  }
}
