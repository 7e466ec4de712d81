import { isLoopback } from '../../core/is-loopback.ts'
import { AwsFailure } from './aws-failure.ts'

/** What comes back is a credential, and what goes out is signed by one: neither travels in the clear. */
export function requireSafe({ protocol, hostname }: { readonly protocol: unknown; readonly hostname: unknown }): void {
  if (protocol === 'https:') return
  if (protocol === 'http:' && typeof hostname === 'string' && isLoopback(hostname)) return
  throw new AwsFailure({
    class: 'unknown',
    code: 'UnsafeEndpoint',
    message: 'The AWS endpoint is not https, and not on loopback. Mend `endpoint`, or AWS_ENDPOINT_URL of the broker.',
  })
}
