import type * as z from 'zod'

import type { FieldError } from '../broker/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { HttpRefusal } from './problem.ts'

/** The value as the schema reads it, or every fault at once with a JSON Pointer (RFC 6901) to each. */
export function parse(
  schema: z.ZodType,
  value: unknown,
  where: 'body' | 'query' | 'header',
): Result<unknown, HttpRefusal> {
  const parsed = schema.safeParse(value, { reportInput: false })
  if (parsed.success) return ok(parsed.data)
  const errors = parsed.error.issues.flatMap(toFieldErrors).slice(0, 20)
  return err({ reason: 'invalid-request', detail: `The ${where} does not fit the schema of this call.`, errors })
}

function toFieldErrors(issue: z.core.$ZodIssue): readonly FieldError[] {
  const path = pointer(issue.path)
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((key) => ({ path: path + pointer([key]), message: 'is not a member of this request' }))
}

function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)}`).join('')
}
