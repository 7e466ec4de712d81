import * as z from 'zod'

export const Name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@:/-]{0,127}$/,
    'must start with a letter or digit and hold no blanks, at most 128 characters',
  )
export const Slug = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be a slug of a-z, 0-9, ".", "_", "-"')
export const ToolPattern = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?$/, 'must be a tool name, or one that ends in ".*"')
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits: mayfly token new prints it')
export const FilePath = z.string().min(1).max(4096)
export const Seconds = z.int().min(1).max(31_536_000)
export const EnvironmentReference = z
  .string()
  .regex(
    /^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$/,
    'must be an environment reference such as ${env:MAYFLY_SEAL_KEY}, never the secret itself',
  )
export const ClaimValues = z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]))
export const Url = z.url({ protocol: /^https?$/ })
