import * as z from 'zod'

import { SIGNING_ALGORITHMS } from '../../core/catalogue.ts'
import { FilePath, Name, Seconds, Slug } from './atoms.ts'

const ArgumentNames = z.array(z.string().min(1)).default([])

export const Grant = z.strictObject({
  name: Name,
  provider: Name,
  actions: z.array(z.string().min(1).max(128)).default([]),
  resources: z.array(z.string().min(1).max(2048)).default([]),
  max_ttl: Seconds.default(300),
  labels: z.array(Slug).default([]),
  data_classes: z.array(Slug).default([]),
  // jwt
  audience: z.string().min(1).optional(),
  algorithm: z.enum(SIGNING_ALGORITHMS).default('EdDSA'),
  // aws-sts
  role_arn: z.string().min(1).optional(),
  external_id: z.string().min(1).optional(),
  early_revocation: z.boolean().optional(),
  // vault
  path: z.string().min(1).optional(),
  method: z.enum(['read', 'write']).optional(),
  data: z.record(z.string(), z.json()).optional(),
  policies: z.array(Name).optional(),
})

export const Tool = z.strictObject({
  name: Name,
  labels: z.array(Slug).default([]),
  data_classes: z.array(Slug).default([]),
  recipients: ArgumentNames,
  payees: ArgumentNames,
  urls: ArgumentNames,
  targets: ArgumentNames,
  values: ArgumentNames,
  content: ArgumentNames,
  record_arguments: z.enum(['digest', 'full']).default('digest'),
})

export const Directory = z.strictObject({
  domains: z.array(z.string().min(1)).default([]),
  addresses: z.array(z.string().min(1)).default([]),
  people: z.array(z.string().min(1)).default([]),
  accounts: z.array(z.string().min(1)).default([]),
  file: FilePath.optional(),
})
