/** What a failure means for whoever tries again. `missing`: what the call was about is not there. */
export type FailureClass = 'throttled' | 'unreachable' | 'permanent' | 'missing' | 'unknown'

/**
 * A call to AWS that failed. It holds nothing that AWS or the SDK said besides a code: messages can quote the signed
 * request with its session token, and causes carry whole answers. So it has no `cause`.
 */
export class AwsFailure extends Error {
  readonly class: FailureClass
  readonly code: string

  constructor(said: { readonly class: FailureClass; readonly code: string; readonly message: string }) {
    super(said.message)
    this.name = 'AwsFailure'
    this.class = said.class
    this.code = said.code
  }
}

const THROTTLED = [
  'Throttling',
  'Throttled',
  'TooManyRequests',
  'RequestThrottled',
  'RequestLimitExceeded',
  'SlowDown',
  'PriorRequestNotComplete',
]
/** Asking the same again would be answered the same. `LimitExceeded` is IAM's quota on a role's inline policies. */
const PERMANENT = ['AccessDenied', 'UnmodifiableEntity', 'LimitExceeded', 'MalformedPolicyDocument']
const MISSING = ['NoSuchEntity']
const NO_ANSWER = ['TimeoutError', 'AbortError', 'ServiceUnavailable', 'ServiceFailure', 'InternalFailure']

/** What went wrong with a call, whatever was thrown. Only exact codes mean anything; the rest is `unknown`. */
export function awsFailure(what: string, thrown: unknown): AwsFailure {
  if (thrown instanceof AwsFailure) return thrown
  const { name, errno, status, requestId } = read(thrown)
  const said = [
    status === undefined ? 'no answer' : `HTTP ${status}`,
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ]
  const code = errno ?? name ?? 'an unknown error'
  return new AwsFailure({
    class: classOf({ name, errno, status }),
    code,
    message: `${what}: ${code} (${said.join(', ')})`,
  })
}

interface Read {
  readonly name: string | undefined
  readonly errno: string | undefined
  readonly status: number | undefined
  readonly requestId?: string | undefined
}

function classOf({ name, errno, status }: Read): FailureClass {
  if (errno !== undefined) return 'unreachable'
  if (status === 429 || (name !== undefined && THROTTLED.includes(name))) return 'throttled'
  if (name !== undefined && PERMANENT.includes(name)) return 'permanent'
  if (name !== undefined && MISSING.includes(name)) return 'missing'
  if ((status !== undefined && status >= 500) || (name !== undefined && NO_ANSWER.includes(name))) return 'unreachable'
  return 'unknown'
}

/**
 * The parts of a thrown thing that are known to hold no secret: letters of a code, a system error's name, a status and a
 * UUID. The SDK ends the names of modelled errors in `Exception`, those it does not know have IAM's own.
 */
function read(thrown: unknown): Read {
  const error: Readonly<Record<string, unknown>> = typeof thrown === 'object' && thrown !== null ? { ...thrown } : {}
  const name = thrown instanceof Error ? thrown.name : undefined
  const metadata: Readonly<Record<string, unknown>> = isRecord(error['$metadata']) ? error['$metadata'] : {}
  const status = metadata['httpStatusCode']
  return {
    name: letters(name)?.replace(/Exception$/, ''),
    errno: typeof error['code'] === 'string' && /^E[A-Z_]{3,20}$/.test(error['code']) ? error['code'] : undefined,
    status: typeof status === 'number' && status >= 100 ? status : undefined,
    requestId: uuid(metadata['requestId']),
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
const letters = (text: unknown): string | undefined =>
  typeof text === 'string' && /^[A-Za-z]{3,60}$/.test(text) ? text : undefined
const uuid = (text: unknown): string | undefined =>
  typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : undefined
