import { isLoopback } from '../core/is-loopback.ts'
import type { Step } from '../core/source-document.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

/** Where an issuer's keys come from: over a way that nobody can change them on, and from one place. */
export function checkIssuer(issuer: ConfigurationFile['issuers'][number], path: readonly Step[], say: Say): void {
  if (issuer.type === 'spiffe') {
    say([...path, 'type'], 'Issuers of type spiffe are not built yet', 'Use oidc or jwks.')
    return
  }
  const address = issuer.type === 'oidc' ? issuer.issuer : issuer.jwks_url
  if (address?.startsWith('http:') === true && !isLoopback(new URL(address).hostname))
    say(
      [...path, issuer.type === 'oidc' ? 'issuer' : 'jwks_url'],
      `${address} is http: and not loopback`,
      'Write its https: address: whoever can change the keys on the way can be anybody.',
    )
  if (issuer.type === 'jwks' && (issuer.jwks_file === undefined) === (issuer.jwks_url === undefined))
    say(path, `Issuer ${issuer.name} must name its keys once`, 'Write exactly one of jwks_file and jwks_url.')
}
