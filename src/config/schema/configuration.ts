import { validate } from 'node-cron'
import * as z from 'zod'

import { addressOf } from '../address-of.ts'
import { EnvironmentReference, FilePath, Seconds, Slug, Url } from './atoms.ts'
import { Agent, Issuer, Operator, Pep, Provider } from './parties.ts'
import { Directory, Grant, Tool } from './things.ts'

const Count = z.int().min(1).max(1_000_000_000)

const Proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6(), z.enum(['loopback', 'linklocal', 'uniquelocal'])], {
  error: 'must be an address, a network such as 10.0.0.0/8, or one of loopback, linklocal, uniquelocal',
})

const Listen = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be HOST:PORT')
  .refine((listen) => addressOf(listen).port <= 65_535, 'must have a port of at most 65535')

const Server = z.strictObject({
  listen: Listen.default('127.0.0.1:8700'),
  public_url: Url.optional(),
  data_dir: FilePath.default('./data'),
  trusted_proxies: z.array(Proxy).default([]),
  dangerously_listen_without_tls: z.boolean().default(false),
})

const Store = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('sqlite') }),
  z.strictObject({ type: z.literal('postgres'), url_file: FilePath }),
])

const Keys = z.strictObject({
  seal_key_file: FilePath.optional(),
  seal_key: EnvironmentReference.optional(),
})

const Limits = z.strictObject({
  max_ttl: z.int().min(5).max(86_400).default(3600),
  max_age: Seconds.default(28_800),
  leases_per_agent: Count.default(200),
  credentials_per_lease: Count.default(20),
  lease_requests_per_minute: Count.default(120),
  pre_auth_per_minute: Count.default(600),
  max_depth: Count.default(5),
  max_children: Count.default(50),
  live_leases: Count.default(50_000),
})

const Guards = z.strictObject({
  calls_per_minute: Count.default(60),
  calls_per_lease: Count.default(1000),
  repeats: Count.default(5),
  denials: Count.default(10),
})

const Schedule = z.string().refine(validate, 'must be a node-cron expression such as */5 * * * * *')

/** The whole configuration file, from the start: what nothing enforces yet is accepted, and said at the start. */
export const ConfigurationFile = z
  .strictObject({
    server: Server.prefault({}),
    store: Store.default({ type: 'sqlite' }),
    keys: Keys.default({}),
    issuers: z.array(Issuer).min(1, 'without an issuer nobody can prove an identity'),
    agents: z.array(Agent).min(1, 'without an agent nobody can ask for anything'),
    operators: z.array(Operator).default([]),
    peps: z.array(Pep).default([]),
    providers: z.array(Provider),
    grants: z.array(Grant).default([]),
    tools: z.array(Tool).default([]),
    labels: z.array(Slug).default([]),
    directory: Directory.optional(),
    rules: z.array(FilePath).min(1, 'no rules means no start'),
    limits: Limits.prefault({}),
    approvals: z.strictObject({ expire_after: Seconds.default(900), pending_per_agent: Count.default(5) }).prefault({}),
    guards: Guards.prefault({}),
    retention: z
      .strictObject({ closed_days: Count.default(30), audit_days: Count.nullable().default(null) })
      .prefault({}),
    sweep: z.strictObject({ every: Schedule.default('*/5 * * * * *') }).prefault({}),
    history_window: Seconds.default(900),
  })
  .meta({ title: 'Mayfly configuration' })

export type ConfigurationFile = z.output<typeof ConfigurationFile>
