/** Half the order of P-256 (SEC 2 section 2.4.2), rounded down. */
const HALF_ORDER = Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex')

/**
 * Whether the token has the one signature that Mayfly gives out. With ES256 whoever holds a token can turn its signature
 * (r, s) into (r, n - s), which verifies as well, so only the one with the smaller s counts. The other algorithms have one
 * signature only.
 */
export function hasOneSignature(algorithm: string, token: string): boolean {
  if (algorithm !== 'ES256') return true
  const signature = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')
  return HALF_ORDER.compare(signature.subarray(signature.length / 2)) >= 0
}
