import * as z from 'zod'

import { OAUTH_ERRORS } from '../oauth-error.ts'
import { PROBLEM_SLUGS } from '../problem.ts'
import { Decision } from './lease.ts'

/** RFC 9457, with the members that some problems add. */
export const Problem = z
  .strictObject({
    type: z.enum(PROBLEM_SLUGS.map((slug) => `urn:mayfly:problem:${slug}` as const)),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    decision: Decision.optional(),
    state: z.string().optional(),
    agents: z.array(z.string()).optional(),
    hint: z.string().optional(),
    next: z.string().optional(),
  })
  .meta({ id: 'Problem' })

/** RFC 6749 section 5.2. */
export const OauthError = z
  .strictObject({ error: z.enum(OAUTH_ERRORS), error_description: z.string() })
  .meta({ id: 'OauthError' })
