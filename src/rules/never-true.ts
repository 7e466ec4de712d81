import type { ASTNode } from '@marcbachmann/cel-js'

import { AUTONOMY, ORIGINS, TRUST, type Catalogue } from '../core/catalogue.ts'
import { childrenOf, identifiers, type Expression } from './expression.ts'

/** The values that a fact can have, where they are few and known at load. */
export function closedFacts(catalogue: Catalogue): ReadonlyMap<string, readonly string[]> {
  return new Map<string, readonly string[]>([
    ['intent.autonomy', AUTONOMY],
    ['declared.autonomy', ['', ...AUTONOMY]],
    ['intent.origin', ORIGINS],
    ['declared.origin', ['', ...ORIGINS]],
    ['agent.trust', TRUST],
    ['agent.id', [...catalogue.agents.keys()]],
  ])
}

/**
 * Whether a condition is false for every input, as far as that can be seen: a rule that never matches protects nobody and
 * looks as if it did. Sound, not complete: what is called never true never is.
 */
export function neverTrue({ ast, evaluate }: Expression, closed: ReadonlyMap<string, readonly string[]>): boolean {
  return impossible(ast, closed) || (identifiers(ast).size === 0 && evaluate({}) === false)
}

function impossible(node: ASTNode, closed: ReadonlyMap<string, readonly string[]>): boolean {
  switch (node.op) {
    case 'value':
      return node.args === false
    case '&&':
      return node.args.some((side) => impossible(side, closed))
    case '||':
      return node.args.every((side) => impossible(side, closed))
    case '!_':
      return node.args.op === 'value' && node.args.args === true
    case '==':
      return outside(node.args[0], [node.args[1]], closed) || outside(node.args[1], [node.args[0]], closed)
    case 'in':
      return node.args[1].op === 'list' && outside(node.args[0], node.args[1].args, closed)
    default:
      return false
  }
}

/** A fact with few values, compared with none of them. */
function outside(fact: ASTNode, values: readonly ASTNode[], closed: ReadonlyMap<string, readonly string[]>): boolean {
  const possible = closed.get(dotted(fact))
  if (!possible || values.length === 0) return false
  return values.every(
    (value) => value.op === 'value' && typeof value.args === 'string' && !possible.includes(value.args),
  )
}

const dotted = (node: ASTNode): string =>
  node.op === '.' && node.args[0].op === 'id' ? `${node.args[0].args}.${node.args[1]}` : ''

/** Words that are looked for in some `labels`, with their places. */
export function labelWords(node: ASTNode): readonly { readonly word: string; readonly offset: number }[] {
  const below = childrenOf(node).flatMap(labelWords)
  if (node.op !== 'in') return below
  const [word, where] = node.args
  const isLabel = where.op === '.' && where.args[1] === 'labels' && word.op === 'value' && typeof word.args === 'string'
  return isLabel ? [{ word: word.args, offset: word.start }, ...below] : below
}
