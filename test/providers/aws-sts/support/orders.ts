import { randomBytes } from 'node:crypto'
import type { UpstreamMinted, UpstreamOrder } from '../../../../src/broker/provider-port.ts'
import type { AwsGrant } from '../../../../src/core/catalogue.ts'
import { formatId } from '../../../../src/core/id.ts'
import type { AccessKey } from '../../../support/backends/signed-request.ts'
import { ROLE_ARN } from './aws-account.ts'

/** A grant as an operator would write it for the account of `setUpAccount`. */
export const ORDERS: AwsGrant = {
  type: 'aws',
  name: 'orders-bucket',
  provider: 'aws-test',
  actions: ['s3:GetObject', 's3:PutObject'],
  resources: ['arn:aws:s3:::orders/*'],
  maxTtlSeconds: 900,
  labels: [],
  dataClasses: [],
  roleArn: ROLE_ARN,
  externalId: null,
  earlyRevocation: true,
}

/** An order that nothing is wrong with: reading what belongs to one customer's order, for a minute. */
export function orderOf(now: number, over: Partial<UpstreamOrder> = {}): UpstreamOrder {
  return {
    credential: formatId('crd', now, randomBytes(10)),
    lease: { id: formatId('lse', now, randomBytes(10)), task: 'run-1', agent: 'support-bot', expiresAt: now + 60_000 },
    grant: ORDERS,
    access: { grant: ORDERS.name, actions: ['s3:GetObject'], resources: ['arn:aws:s3:::orders/1234/*'] },
    now,
    ...over,
  }
}

/** What an agent gets. */
export const keyOf = ({ value }: UpstreamMinted) =>
  value.unwrap() as unknown as Required<AccessKey> & { Expiration: string }
