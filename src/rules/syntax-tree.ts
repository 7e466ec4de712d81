import type { ASTNode } from '@marcbachmann/cel-js'

/** The nodes right below one, whatever its kind. */
export const childrenOf = (node: ASTNode): readonly ASTNode[] => nodesIn(node.args)

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

/** A pass over a list: `list.exists(each, body)` and its kin. */
export interface Pass {
  readonly list: ASTNode
  readonly each: string
  /** What is evaluated for every item. */
  readonly bodies: readonly ASTNode[]
}

const PASSES = ['all', 'exists', 'exists_one', 'filter', 'map']

export function passOf(node: ASTNode): Pass | undefined {
  if (node.op !== 'rcall' || !PASSES.includes(node.args[0])) return undefined
  const [, list, [each, ...bodies]] = node.args
  return each?.op === 'id' ? { list, each: each.args, bodies } : undefined
}

/** `a.b` as it is written, where `a` is a variable. */
export const dotted = (node: ASTNode): string | undefined =>
  node.op === '.' && node.args[0].op === 'id' ? `${node.args[0].args}.${node.args[1]}` : undefined
