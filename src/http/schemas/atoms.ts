import * as z from 'zod'

import { APPROVAL_STATES } from '../../core/approval.ts'
import { AUTONOMY, ORIGINS } from '../../core/catalogue.ts'
import { parseId, type IdKind, type IdKinds } from '../../core/id.ts'
import { LEASE_OUTCOMES, LEASE_STATES } from '../../core/lease.ts'
import { ROLES } from '../../core/role.ts'

/** An id in a path. One that does not have its form names nothing: the route answers 404, not 400. */
export function id<K extends IdKind>(kind: K) {
  const form = `^${kind}_[0-9a-hjkmnp-tv-z]{26}$`
  return z
    .string()
    .transform((text, context): IdKinds[K] => {
      const parsed = parseId(kind, text)
      if (parsed !== undefined) return parsed
      context.addIssue({ code: 'custom', message: `does not match ${form}` })
      return z.NEVER
    })
    .meta({ override: { type: 'string', pattern: form } })
}

export const Instant = z.iso.datetime().meta({ description: 'RFC 3339 in UTC with milliseconds' })
export const Slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be a slug of a-z, 0-9, ".", "_", "-", at most 64 long')
export const Name = z.string().min(1).max(128)
export const TaskName = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be 1 to 128 characters of A-Z, a-z, 0-9, ".", "_", ":", "-"')
  .meta({ description: "The caller's name for the unit of work, such as its run id", examples: ['run-8812'] })
export const Reason = z.string().trim().min(1, 'must say why').max(1024)
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hex digits')
export const Ttl = z.int().min(5).max(86_400)

export const LeaseState = z.enum(LEASE_STATES)
export const LeaseOutcome = z.enum(LEASE_OUTCOMES)
export const ApprovalState = z.enum(APPROVAL_STATES)
export const Autonomy = z.enum(AUTONOMY)
export const Origin = z.enum(ORIGINS)
export const Role = z.enum(ROLES)

/** A whole number in a query or path, where everything is text. */
export const count = (least: number, most: number) =>
  z
    .string()
    .regex(/^(0|[1-9]\d{0,15})$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most))
    .meta({ override: { type: 'integer', minimum: least, maximum: most } })

/** Free JSON. The body parser has already bounded depth and size. */
export const FreeJson = z.json().meta({ id: 'Json' })
