import * as z from 'zod'

import type { Fault } from '../core/fault.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { without } from '../core/mend-value.ts'
import { schemaFaults } from '../core/schema-faults.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { Rule, RuleFile, Tiers, type RuleEntry } from './rule-file.ts'

/** A rule file as far as it can be read, so that what else is wrong with it is found in the same pass. */
export interface ParsedRuleFile {
  readonly document: SourceDocument
  /** With their places. Of those with faults of their own, as much as can be checked all the same. */
  readonly rules: readonly { readonly entry: RuleEntry; readonly index: number }[]
  readonly tiers: Tiers | 'none' | 'broken'
  readonly faults: readonly Fault[]
}

const SCHEMA = z.toJSONSchema(RuleFile, { io: 'input' }) as Json

export function parseRuleFile(document: SourceDocument): ParsedRuleFile {
  const parsed = RuleFile.safeParse(document.value)
  if (parsed.success) {
    const { rules, tiers = 'none' } = parsed.data
    return { document, rules: rules.map((entry, index) => ({ entry, index })), tiers, faults: [] }
  }
  const written = isJsonObject(document.value) ? document.value : {}
  const list = Array.isArray(written['rules']) ? (written['rules'] as readonly Json[]) : []
  const tiers = written['tiers'] === undefined ? 'none' : (Tiers.safeParse(written['tiers']).data ?? 'broken')
  return {
    document,
    rules: list.flatMap((each, index) => readRule(each).map((entry) => ({ entry, index }))),
    tiers: isJsonObject(document.value) ? tiers : 'broken',
    faults: schemaFaults(document, parsed.error.issues, { schema: SCHEMA, see: 'config/rules.schema.json' }),
  }
}

function readRule(value: Json): readonly RuleEntry[] {
  const whole = Rule.safeParse(value)
  if (whole.success) return [whole.data]
  if (!isJsonObject(value)) return []
  const { id, on, when, tools, grants, effect } = value
  const core = { id, on, when, tools, grants, effect: effect === 'deny' ? effect : 'ask', reason: '-' }
  const again = Rule.safeParse(core)
  if (again.success) return [again.data]
  const wrong = again.error.issues.map(({ path }) => path)
  return [Rule.safeParse(without(core as JsonObject, wrong)).data ?? []].flat()
}
