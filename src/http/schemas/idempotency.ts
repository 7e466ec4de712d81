import * as z from 'zod'

/** The header of every call that can be repeated safely (draft-ietf-httpapi-idempotency-key-header). */
export const idempotencyHeader = {
  'idempotency-key': z
    .string()
    .regex(/^[!-~]{1,128}$/, 'must be 1 to 128 visible ASCII characters')
    .optional(),
}
