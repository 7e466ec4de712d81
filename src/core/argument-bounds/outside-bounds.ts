import type { Json, JsonObject } from '../json.ts'
import { COMPARE_AS, type ToolAccess } from '../tool-access.ts'
import { oversize } from './argument-size.ts'
import { UNREADABLE, type CompareAs } from './check.ts'
import { constraint } from './constraints.ts'
import { findArgument, unnamedArgument } from './find-argument.ts'
import { shown, type Violation } from './violation.ts'

/** The bounds on one argument as they are stored: a name that nobody knows may be among them. */
type Stated = Readonly<Record<string, Json | undefined>>

/** The constraint that does not hold, and why, in words that follow the value. */
type Broken = readonly [bound: string, why: string]

/** The constraints that `as` says how to compare for. */
const COMPARING = ['equals', 'one_of', 'subset_of'] as const

/**
 * The first thing about these arguments that the entry does not allow; undefined where it allows them. Pure, linear in
 * the size of the arguments, and what it can't read refuses. A lease below another is held to the entry of every lease
 * of the chain, each evaluated, so that a child can't slip out by leaving a bound away.
 */
export function outsideBounds(entry: ToolAccess, args: JsonObject): Violation | undefined {
  const size = oversize(args)
  if (size !== undefined)
    return {
      argument: null,
      bound: 'size',
      found: null,
      message: `The arguments hold ${size}, which is too much to judge`,
    }
  for (const [key, bounds] of Object.entries(entry.arguments)) {
    const stated: Stated = { ...bounds }
    const value = findArgument(args, key)
    const broken = brokenBound(stated, value)
    if (broken) return violation(key, stated, value, broken)
  }
  return entry.only ? outsideNames(args, Object.keys(entry.arguments)) : undefined
}

function brokenBound(bounds: Stated, value: Json | undefined): Broken | undefined {
  const { as, absent } = bounds
  const constraints = Object.keys(bounds).filter((name) => name !== 'as' && name !== 'absent')
  const unknown = constraints.find((name) => !constraint(name))
  if (unknown !== undefined) return [unknown, 'is refused, because nobody knows that constraint']
  if (as !== undefined && !(isCompareAs(as) && COMPARING.some((name) => bounds[name] !== undefined)))
    return ['as', 'cannot be compared in that way']
  if (absent !== undefined && absent !== true) return ['absent', 'is refused, because "absent" can only be true']
  if (absent && isAbsent(value)) return undefined
  if (value === undefined) return ['required', 'is not there']
  // Alone it says that nothing may be there; beside other bounds, that what they allow may be left out.
  if (absent && constraints.length === 0) return ['absent', 'is there']
  for (const name of constraints) {
    const bound = bounds[name]
    const why = bound === undefined ? UNREADABLE : constraint(name)?.(bound, value, as)
    if (why !== undefined) return [name, why]
  }
  return undefined
}

const isCompareAs = (as: Json): as is CompareAs => COMPARE_AS.some((each) => each === as)

/** Null and an empty list say as much as leaving the argument out. */
const isAbsent = (value: Json | undefined): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)

function violation(argument: string, stated: Stated, value: Json | undefined, [bound, why]: Broken): Violation {
  const found = value === undefined ? null : shown(value)
  const wanted = stated[bound]
  const said =
    found === null
      ? `${why}, and the lease asks for it${Object.keys(stated)
          .map((name) => `, with ${name}`)
          .join('')}`
      : `is outside ${bound}${wanted === undefined ? '' : ` ${shown(wanted)}`}: ${found} ${why}`
  return { argument, bound, found, message: `Argument ${shown(argument)} ${said}` }
}

function outsideNames(args: JsonObject, keys: readonly string[]): Violation | undefined {
  const argument = unnamedArgument(args, keys)
  if (argument === undefined) return undefined
  const found = shown(findArgument(args, argument) ?? null)
  const named = keys.length === 0 ? 'none' : shown(keys)
  const message = `Argument ${shown(argument)} is outside only: the lease allows no other arguments than ${named}`
  return { argument, bound: 'only', found, message }
}
