import { toProblem, type HttpRefusal, type Problem } from './problem.ts'

/** Where OAuth clients call: they read the errors of their own standard, and no others. */
export const speaksOauth = (path: string): boolean => path.startsWith('/oauth/')

/** The errors of RFC 6749 (section 5.2, and 4.1.2.1 for outages) and RFC 6750 (section 3.1) that the broker sends. */
export const OAUTH_ERRORS = [
  'invalid_request',
  'invalid_token',
  'insufficient_scope',
  'temporarily_unavailable',
  'server_error',
] as const
type OauthError = (typeof OAUTH_ERRORS)[number]

/** A refusal as OAuth clients read it, with the status and the headers that it has everywhere. */
export function toOauthError(refusal: HttpRefusal, instance: string): Problem {
  const { status, headers, body } = toProblem(refusal, instance)
  const places = 'errors' in refusal ? (refusal.errors ?? []).map(({ path, message }) => `${path} ${message}`) : []
  const { detail } = body
  const description = [typeof detail === 'string' ? detail : '', ...places].join(' ')
  return { status, headers, body: { error: errorOf(refusal), error_description: printable(description) } }
}

function errorOf({ reason }: HttpRefusal): OauthError {
  switch (reason) {
    case 'unauthenticated':
    case 'unknown-agent':
      return 'invalid_token'
    case 'forbidden':
    case 'denied':
    case 'not-granted':
      return 'insufficient_scope'
    case 'invalid-request':
    case 'not-found':
    case 'method-not-allowed':
    case 'conflict':
    case 'gone':
    case 'payload-too-large':
    case 'idempotency-mismatch':
      return 'invalid_request'
    case 'quota-exceeded':
    case 'rate-limited':
    case 'provider-unavailable':
    case 'unavailable':
    case 'frozen':
      return 'temporarily_unavailable'
    case 'internal':
      return 'server_error'
  }
}

/** RFC 6749 section 5.2 allows neither quotes, backslashes nor anything beyond ASCII in a description. */
const printable = (text: string): string => text.replace(/["\\]/g, "'").replace(/[^ -~]/g, '?')
