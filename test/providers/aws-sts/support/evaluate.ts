import { runSimulation } from '@cloud-copilot/iam-simulate'

/** One request of a session, and everything that decides on it. */
export interface Evaluated {
  readonly handle: string
  readonly action: string
  readonly resource: string
  readonly at: number
  /** When the session was opened; a minute before, if nothing is said. */
  readonly issuedAt?: number
  readonly sessionPolicy: string
  readonly rolePolicies: readonly string[]
}

/**
 * Whether AWS would let a session do it, by an evaluator of IAM that shares no code with us. Its limits: it takes any
 * spelling of an action inside a policy; it knows no packed size; and it lets a session policy limit what a resource's
 * policy gives to the session's own ARN, where AWS does not (docs/aws.md says so).
 */
export async function evaluate({
  handle,
  action,
  resource,
  at,
  issuedAt = at - 60_000,
  sessionPolicy,
  rolePolicies,
}: Evaluated): Promise<boolean> {
  const simulated = await runSimulation(
    {
      request: {
        principal: `arn:aws:sts::123456789012:assumed-role/agent-orders/${handle}`,
        action,
        resource: { resource, accountId: '123456789012' },
        contextVariables: {
          'aws:CurrentTime': new Date(at).toISOString(),
          'aws:TokenIssueTime': new Date(issuedAt).toISOString(),
          'aws:userid': `AROAEXAMPLEEXAMPLE:${handle}`,
          'aws:SourceIdentity': handle,
        },
      },
      sessionPolicy: JSON.parse(sessionPolicy),
      identityPolicies: rolePolicies.map((policy, at) => ({ name: `policy-${at}`, policy: JSON.parse(policy) })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  if (simulated.resultType === 'error') throw new Error(JSON.stringify(simulated.errors))
  return simulated.overallResult === 'Allowed'
}

/** A role that may do everything, so that what is denied is denied by what Mayfly wrote. */
export const ALLOW_ALL = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
})
