import * as z from 'zod'

import type { Fault } from '../core/fault.ts'
import type { Json } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import { schemaFaults } from '../core/schema-faults.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { CaseFacts } from './case-facts.ts'

/** One case of a rule test: what differs from an ordinary request, and what must come of it. */
const RuleCase = z.strictObject({
  name: z.string().min(1),
  facts: CaseFacts.default({}),
  expect: z.strictObject({
    effect: z.enum(['allow', 'ask', 'deny']).optional(),
    tier: z.string().optional(),
    score: z.int().optional(),
    rules: z.array(z.string()).optional(),
  }),
})
export type RuleCase = z.output<typeof RuleCase>

export const parseCase = (document: SourceDocument): Result<RuleCase, readonly Fault[]> =>
  parse(RuleCase, document, document.value)

/** Facts on their own, as a case writes them. An empty file is an ordinary request. */
export const parseCaseFacts = (document: SourceDocument): Result<CaseFacts, readonly Fault[]> =>
  parse(CaseFacts, document, document.value ?? {})

function parse<T>(schema: z.ZodType<T>, document: SourceDocument, value: Json): Result<T, readonly Fault[]> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  const against = { schema: z.toJSONSchema(schema, { io: 'input' }) as Json, see: 'docs/rules.md' }
  return err(schemaFaults(document, parsed.error.issues, against))
}
