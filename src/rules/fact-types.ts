import { Environment } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'

import { covers } from '../core/aws-action.ts'

const RECENT = { leases: 'int', denials: 'int', asks: 'int' } as const

/** An expression larger than this is a program, and belongs into several rules. */
const LIMITS = { maxAstNodes: 1000, maxDepth: 64, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 8 }

/** What a rule `on: lease` may read, by type: an unknown name or a wrong type is found at load. See core/facts.ts. */
export function leaseEnvironment(): Environment {
  return new Environment({ unlistedVariablesAreDyn: false, homogeneousAggregateLiterals: true, limits: LIMITS })
    .registerType('Access', {
      fields: {
        grant: 'string',
        provider: 'string',
        type: 'string',
        actions: 'list<string>',
        resources: 'list<string>',
        labels: 'list<string>',
        broad: 'bool',
      },
    })
    .registerType('Tool', {
      fields: { tool: 'string', labels: 'list<string>', bounded: 'list<string>', max_calls: 'int', only: 'bool' },
    })
    .registerVariable({
      name: 'agent',
      schema: {
        id: 'string',
        owner: 'string',
        trust: 'string',
        issuer: 'string',
        claims: 'map<string, dyn>',
        recent: { hour: RECENT, day: RECENT },
      },
    })
    .registerVariable({
      name: 'intent',
      schema: { purpose: 'string', data_classes: 'list<string>', autonomy: 'string', origin: 'string' },
    })
    .registerVariable({
      name: 'declared',
      schema: {
        goal: 'string',
        purpose: 'string',
        data_classes: 'list<string>',
        autonomy: 'string',
        origin: 'string',
        on_behalf_of: 'string',
      },
    })
    .registerVariable('access', 'list<Access>')
    .registerVariable('tools', 'list<Tool>')
    .registerVariable('ttl', 'int')
    .registerVariable({ name: 'task', schema: { id: 'string', open_leases: 'int', outcomes: 'list<string>' } })
    .registerVariable({
      name: 'parent',
      schema: {
        depth: 'int',
        agent: 'string',
        purpose: 'string',
        data_classes: 'list<string>',
        risk: 'int',
        children: 'int',
      },
    })
    .registerVariable({ name: 'now', schema: { hour: 'int', weekday: 'int' } })
    .registerVariable('context', 'map<string, dyn>')
    .registerVariable({ name: 'history', schema: { labels: 'list<string>' } })
    .registerFunction('covers(string, string): bool', covers)
    .registerFunction('re2(string, string): bool', (text: string, pattern: string) =>
      linear(pattern).matcher(text).find(),
    )
}

/** What a rule `on: action` may read in addition. Such rules are checked at load; deciding on actions comes later. */
export function actionEnvironment(): Environment {
  return leaseEnvironment()
    .registerVariable({ name: 'tool', schema: { name: 'string', labels: 'list<string>' } })
    .registerVariable('arguments', 'map<string, dyn>')
    .registerVariable('resource', 'string')
    .registerVariable({ name: 'lease', schema: { risk: 'int', age: 'int', remaining: 'int', address_changed: 'bool' } })
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
