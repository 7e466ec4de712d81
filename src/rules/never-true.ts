import type { ASTNode } from '@marcbachmann/cel-js'

import type { ClosedFacts } from './closed-facts.ts'
import type { Expression, Facts } from './expression.ts'
import { childrenOf, dotted, passOf } from './syntax-tree.ts'

/** More combinations than these are not tried; the fact with the most values is then taken for an open one. */
const MAX_COMBINATIONS = 4096

/** What a part of a condition can come to. An error counts as either. */
interface Outcome {
  readonly yes: boolean
  readonly no: boolean
}
const EITHER: Outcome = { yes: true, no: true }

/** Of what the variables of the passes around a part are items: `a` of `access`. */
type Items = ReadonlyMap<string, string>

interface Trial {
  readonly expression: Expression
  readonly closed: ClosedFacts
  /** One value for each closed fact that is tried. */
  readonly values: ReadonlyMap<string, string | bigint>
  readonly parts: Map<ASTNode, (facts: Facts) => unknown>
}

/**
 * Whether a condition is false for every input, as far as that can be seen: a rule that never matches protects nobody and
 * looks as if it did. Tries every combination of the facts that have few values. Sound, not complete: what is called
 * never true never is.
 */
export function neverTrue(expression: Expression, closed: ClosedFacts): boolean {
  const parts = new Map<ASTNode, (facts: Facts) => unknown>()
  const tried = triable(factsOf(expression.ast), closed)
  for (const values of combinations(tried, closed)) {
    if (outcome(expression.ast, { expression, closed, values, parts }, new Map()).yes) return false
  }
  return true
}

/** Closed facts of a condition, dropping those with the most values until the combinations are few enough. */
function triable(read: readonly string[], closed: ClosedFacts): readonly string[] {
  const sized = [...new Set(read)]
    .filter((name) => closed.has(name))
    .sort((a, b) => (closed.get(a)?.length ?? 0) - (closed.get(b)?.length ?? 0))
  let product = 1
  return sized.filter((name) => (product *= closed.get(name)?.length ?? 1) <= MAX_COMBINATIONS)
}

function* combinations(names: readonly string[], closed: ClosedFacts): Generator<ReadonlyMap<string, string | bigint>> {
  const [name, ...rest] = names
  if (name === undefined) {
    yield new Map()
    return
  }
  for (const value of closed.get(name) ?? []) {
    for (const more of combinations(rest, closed)) yield new Map([...more, [name, value]])
  }
}

function outcome(node: ASTNode, trial: Trial, items: Items): Outcome {
  const of = (part: ASTNode): Outcome => outcome(part, trial, items)
  switch (node.op) {
    case '&&':
      return both(of(node.args[0]), of(node.args[1]))
    case '||':
      return not(both(not(of(node.args[0])), not(of(node.args[1]))))
    case '!_':
      return not(of(node.args))
    case '?:': {
      const [test, then, otherwise] = [of(node.args[0]), of(node.args[1]), of(node.args[2])]
      return {
        yes: (test.yes && then.yes) || (test.no && otherwise.yes),
        no: (test.yes && then.no) || (test.no && otherwise.no),
      }
    }
    default:
      return inPass(node, trial, items) ?? evaluated(node, trial, items) ?? compared(node, trial.closed, items)
  }
}

const not = ({ yes, no }: Outcome): Outcome => ({ yes: no, no: yes })
const both = (left: Outcome, right: Outcome): Outcome => ({ yes: left.yes && right.yes, no: left.no || right.no })

/** A list may be empty, so `exists` can always be false and `all` always true. */
function inPass(node: ASTNode, trial: Trial, items: Items): Outcome | undefined {
  const pass = passOf(node)
  if (!pass || node.op !== 'rcall') return undefined
  const list = pass.list.op === 'id' ? pass.list.args : ''
  const body = pass.bodies.map((each) => outcome(each, trial, new Map([...items, [pass.each, list]]))).at(-1)
  if (!body) return undefined
  if (node.args[0] === 'exists' || node.args[0] === 'exists_one') return { yes: body.yes, no: true }
  return node.args[0] === 'all' ? { yes: true, no: body.no } : undefined
}

/** A part that reads nothing but facts that are tried, for their values. */
function evaluated(node: ASTNode, { expression, values, parts }: Trial, items: Items): Outcome | undefined {
  const names = factsOf(node)
  // The variable of a pass may have the name of a fact.
  if (!names.every((name) => values.has(name) && !items.has(headOf(name)))) return undefined
  const run = parts.get(node) ?? expression.part(node)
  parts.set(node, run)
  try {
    const value = run(nested(names.map((name) => [name, values.get(name)])))
    return { yes: value !== false, no: value !== true }
  } catch {
    return EITHER
  }
}

/** A fact with few values, or such a member of an item, compared with none of them. */
function compared(node: ASTNode, closed: ClosedFacts, items: Items): Outcome {
  if (node.op !== '==' && node.op !== 'in') return EITHER
  const [left, right] = node.args
  const choices = node.op === '==' ? [right] : right.op === 'list' ? right.args : []
  const impossible = isOutside(left, choices) || (node.op === '==' && isOutside(right, [left]))
  return { yes: !impossible, no: true }

  function isOutside(fact: ASTNode, values: readonly ASTNode[]): boolean {
    const possible = closed.get(factName(fact, items) ?? '')
    if (!possible || values.length === 0) return false
    return values.every((value) => value.op === 'value' && !possible.some((each) => each === value.args))
  }
}

function factName(node: ASTNode, items: Items): string | undefined {
  if (node.op !== '.' || node.args[0].op !== 'id') return undefined
  const list = items.get(node.args[0].args)
  return list === undefined ? dotted(node) : `${list}[].${node.args[1]}`
}

/** Every fact that a part reads: `a.b`, or the bare name of whatever is read in another way. */
function factsOf(node: ASTNode): readonly string[] {
  const name = dotted(node)
  if (name !== undefined) return [name]
  return node.op === 'id' ? [node.args] : childrenOf(node).flatMap(factsOf)
}

const headOf = (name: string): string => name.split('.')[0] ?? name

/** `[['a.b', 1]]` as `{ a: { b: 1 } }`. */
function nested(values: readonly (readonly [string, unknown])[]): Facts {
  const heads = Map.groupBy(values, ([name]) => headOf(name))
  return Object.fromEntries(
    [...heads].map(([head, members]) => [
      head,
      Object.fromEntries(members.map(([name, value]) => [name.slice(head.length + 1), value])),
    ]),
  )
}
