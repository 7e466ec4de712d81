import type { ASTNode } from '@marcbachmann/cel-js'

import { childrenOf, dotted, passOf } from './syntax-tree.ts'

/** A word that a condition looks for among labels. */
export interface LabelWord {
  readonly word: string
  readonly offset: number
  /** Among the labels of what is configured, not of what has been seen. */
  readonly configured: boolean
}

/** Lists whose words come from elsewhere than the catalogue. */
const SEEN = ['history.labels', 'context.labels']

/** Labels by the variable of a pass over them. */
type Among = ReadonlyMap<string, ASTNode>

/** Every word that is looked for in some `labels`: with `in`, or in a pass over them. */
export function labelWords(node: ASTNode, among: Among = new Map()): readonly LabelWord[] {
  const pass = passOf(node)
  if (pass) {
    const inside = isLabels(pass.list) ? new Map([...among, [pass.each, pass.list]]) : among
    return [...labelWords(pass.list, among), ...pass.bodies.flatMap((body) => labelWords(body, inside))]
  }
  const below = childrenOf(node).flatMap((child) => labelWords(child, among))
  if (node.op !== 'in' && node.op !== '==' && node.op !== '!=') return below
  const [left, right] = node.args
  if (node.op === 'in' && isLabels(right)) return [...wordsIn([left], right), ...below]
  const [list, words] = variable(left, among)
    ? [variable(left, among), node.op === 'in' && right.op === 'list' ? right.args : [right]]
    : [variable(right, among), node.op === 'in' ? [] : [left]]
  return list ? [...wordsIn(words, list), ...below] : below
}

const isLabels = (node: ASTNode): boolean => node.op === '.' && node.args[1] === 'labels'

const variable = (node: ASTNode, among: Among): ASTNode | undefined =>
  node.op === 'id' ? among.get(node.args) : undefined

const wordsIn = (words: readonly ASTNode[], list: ASTNode): readonly LabelWord[] =>
  words.flatMap((node) =>
    node.op === 'value' && typeof node.args === 'string'
      ? [{ word: node.args, offset: node.start, configured: !SEEN.includes(dotted(list) ?? '') }]
      : [],
  )
