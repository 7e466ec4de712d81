import type { Answered, OperatorName, TestBroker } from './broker.ts'

/** A lease that waits for people (the purpose says for how many), its token, and the approval it waits for. */
export interface Asked {
  readonly lease: string
  readonly token: string
  readonly approval: string
  readonly digest: string
}

export async function askFor(broker: TestBroker, over: object = {}, purpose = 'ask'): Promise<Asked> {
  const intent = { goal: 'Refund order 1234', purpose, autonomy: 'supervised', origin: 'user' }
  const { status, body } = await broker.request({ intent, ...over })
  if (status !== 202) throw new Error(`Nobody is asked: ${status} ${JSON.stringify(body)}`)
  return { lease: body.id, token: body.token, approval: body.approval.id, digest: body.approval.digest }
}

export const readApproval = (broker: TestBroker, { approval }: Pick<Asked, 'approval'>): Promise<Answered> =>
  broker.call('GET', `/v1/approvals/${approval}`, { token: broker.operator('viewer') })

export const readLease = (broker: TestBroker, { lease }: Pick<Asked, 'lease'>): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${lease}`, { token: broker.operator('viewer') })

export const approve = (
  broker: TestBroker,
  { approval, digest }: Pick<Asked, 'approval' | 'digest'>,
  as: OperatorName = 'approver',
  over: object = {},
): Promise<Answered> =>
  broker.call('POST', `/v1/approvals/${approval}/approve`, { token: broker.operator(as), body: { digest, ...over } })

export const deny = (
  broker: TestBroker,
  { approval, digest }: Pick<Asked, 'approval' | 'digest'>,
  as: OperatorName = 'approver',
  over: object = {},
): Promise<Answered> =>
  broker.call('POST', `/v1/approvals/${approval}/deny`, {
    token: broker.operator(as),
    body: { digest, reason: 'Not like this', ...over },
  })
