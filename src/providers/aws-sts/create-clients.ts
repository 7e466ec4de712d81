import { IAMClient } from '@aws-sdk/client-iam'
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts'
import { SECOND_MS } from '../../core/time.ts'
import { createAsk, type Ask } from './ask.ts'
import { brokerCredentials } from './broker-credentials.ts'
import { requireSafe } from './require-safe.ts'
import type { AwsStsParts, AwsStsSettings } from './settings.ts'

/** Where a request has its final address, and an answer is still a message. */
const NEXT_TO_THE_WIRE = { step: 'deserialize', name: 'mayflyGuard', priority: 'low' } as const

/** The broker's own way to AWS. */
export interface Clients extends Disposable {
  readonly sts: STSClient
  readonly iam: IAMClient
  readonly ask: Ask
  /** By how much AWS's clock was ahead of the broker's at its last answer, in milliseconds; null before the first. */
  readonly clockOffsetMs: () => number | null
}

/**
 * One client each, for the broker's own identity. They try once: the closer knows when to ask again, and a mint that was
 * not answered counts as made. An endpoint from the environment or a profile is held to the same rule as a configured one.
 */
export function createClients(
  { region, endpoint, credentials }: Omit<AwsStsSettings, 'name'>,
  { clock, callMs }: Pick<AwsStsParts, 'clock' | 'callMs'>,
): Clients {
  const config = {
    region,
    ...(endpoint !== null && { endpoint }),
    ...brokerCredentials(credentials),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 3 * SECOND_MS, httpsAgent: { maxSockets: 50 } },
  } satisfies STSClientConfig
  const sts = new STSClient(config)
  const iam = new IAMClient(config)
  let offset: number | null = null
  const guard =
    <A extends { readonly request: unknown }, R extends { readonly response: unknown }>(
      next: (args: A) => Promise<R>,
    ) =>
    async (args: A): Promise<R> => {
      const { protocol, hostname } = isRecord(args.request) ? args.request : {}
      requireSafe({ protocol, hostname })
      const answered = await next(args)
      const date = dateOf(answered.response)
      if (date !== undefined) offset = date - clock()
      return answered
    }
  sts.middlewareStack.add(guard, NEXT_TO_THE_WIRE)
  iam.middlewareStack.add(guard, NEXT_TO_THE_WIRE)
  return {
    sts,
    iam,
    ask: createAsk(callMs),
    clockOffsetMs: () => offset,
    [Symbol.dispose]() {
      sts.destroy()
      iam.destroy()
    },
  }
}

/** RFC 9110 section 6.6.1: whole seconds, so half a second is the best guess. */
function dateOf(response: unknown): number | undefined {
  const headers = isRecord(response) ? response['headers'] : undefined
  const date = isRecord(headers) ? headers['date'] : undefined
  const at = typeof date === 'string' ? Date.parse(date) : NaN
  return Number.isNaN(at) ? undefined : at + SECOND_MS / 2
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
