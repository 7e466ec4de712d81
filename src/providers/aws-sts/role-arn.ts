/** A role, as its ARN names it. Its path is not part of its name. */
export interface Role {
  readonly arn: string
  readonly partition: string
  readonly account: string
  readonly name: string
}

/** IAM's own form: a path of any depth, and a name of at most 64 characters. */
const ROLE_ARN = /^arn:(aws(?:-[a-z]+)*):iam::(\d{12}):role\/(?:[\x21-\x7e]+\/)?([\w+=,.@-]{1,64})$/

/** The role of an ARN; undefined for everything that is not exactly one. */
export function parseRoleArn(arn: string): Role | undefined {
  const [, partition, account, name] = ROLE_ARN.exec(arn) ?? []
  return partition !== undefined && account !== undefined && name !== undefined && !/[*?]/.test(arn)
    ? { arn, partition, account, name }
    : undefined
}
