import { Environment, type ObjectSchema } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'

import { covers } from '../core/aws-action.ts'
import { ACTION_FACTS, LEASE_FACTS, type Fact } from './fact-table.ts'

/** An expression larger than this is a program, and belongs into several rules. */
const LIMITS = { maxAstNodes: 1000, maxDepth: 64, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 8 }

/** Functions beside those of CEL, as docs/rules.md lists them. */
export const FUNCTIONS = [
  {
    signature: 'covers(string, string): bool',
    says: 'whether a pattern such as `"iam:*"` and an action name anything in common, as AWS compares them: case does not matter, `*` and `?` are wild on both sides',
    call: covers,
  },
  {
    signature: 're2(string, string): bool',
    says: 'whether a text holds a match of an RE2 pattern, in linear time; the pattern is a constant',
    call: (text: string, pattern: string) => linear(pattern).matcher(text).find(),
  },
] as const

/** The facts of a rule `on: lease`, by type: an unknown name or a wrong type is found at load. */
export const leaseEnvironment = (): Environment => environment(LEASE_FACTS)

/** The facts of a rule `on: action`. */
export const actionEnvironment = (): Environment => environment([...LEASE_FACTS, ...ACTION_FACTS])

function environment(facts: readonly Fact[]): Environment {
  const made = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: true,
    limits: LIMITS,
  })
  for (const [head, members] of Map.groupBy(facts, ({ name }) => name.split('.')[0] ?? name)) {
    const bare = members.find(({ name }) => name === head)
    if (bare) {
      made.registerVariable(head, bare.type)
      continue
    }
    const schema = schemaOf(members.map(({ name, type }) => [name.split('.').slice(1), type]))
    if (head.endsWith('[]')) {
      const list = head.slice(0, -2)
      const item = `${list.charAt(0).toUpperCase()}${list.slice(1)}Item`
      made.registerType(item, { schema }).registerVariable(list, `list<${item}>`)
    } else made.registerVariable({ name: head, schema })
  }
  for (const { signature, call } of FUNCTIONS) made.registerFunction(signature, call)
  return made
}

/** Dotted names as the nested shape that they stand for. */
function schemaOf(facts: readonly (readonly [readonly string[], string])[]): ObjectSchema {
  const groups = Map.groupBy(facts, ([path]) => path[0] ?? '')
  return Object.fromEntries(
    [...groups].map(([name, members]) => {
      const [first] = members
      const leaf = first?.[0].length === 1 ? first[1] : undefined
      return [name, leaf ?? schemaOf(members.map(([path, type]) => [path.slice(1), type]))]
    }),
  )
}

const compiled = new Map<string, RE2JS>()

/** RE2 runs in linear time: the text that it reads is an attacker's. Patterns are constants, so there are few of them. */
export function linear(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known) return known
  const fresh = RE2JS.compile(pattern)
  compiled.set(pattern, fresh)
  return fresh
}
