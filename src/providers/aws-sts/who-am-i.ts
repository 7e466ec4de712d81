import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { AwsFailure } from './aws-failure.ts'
import type { Clients } from './create-clients.ts'

/** Who the broker is to AWS. */
export interface Caller {
  readonly arn: string
  readonly account: string
}

export async function whoAmI({ sts, ask }: Clients, signal: AbortSignal): Promise<Caller> {
  const answer = await ask('sts:GetCallerIdentity', signal, (options) =>
    sts.send(new GetCallerIdentityCommand({}), options),
  )
  const { Arn: arn, Account: account } = answer
  if (arn !== undefined && account !== undefined && /^arn:aws[a-z-]*:(iam|sts)::\d{12}:/.test(arn))
    return { arn, account }
  throw new AwsFailure({ class: 'unknown', code: 'NoIdentity', message: 'STS answered without an identity' })
}
