/** What an identity token may be signed with. Symmetric algorithms are not in it: whoever can verify could sign. */
export type IdentityAlgorithm =
  'EdDSA' | 'Ed25519' | 'ES256' | 'ES384' | 'ES512' | 'PS256' | 'PS384' | 'PS512' | 'RS256' | 'RS384' | 'RS512'

interface Trust {
  /** The operator's name for it, which agents' identities refer to. */
  readonly name: string
  /** Compared with `iss` letter for letter. */
  readonly issuer: string
  /** Must be in `aud`. Never empty: without it a token made for somebody else would do. */
  readonly audience: string
  readonly algorithms: readonly IdentityAlgorithm[]
  /** Claims that every token of this issuer must carry, compared exactly. */
  readonly require: Readonly<Record<string, string | number | boolean>>
}

/** An issuer that publishes its keys by OpenID Connect Discovery. */
export interface OidcIssuer extends Trust {
  readonly type: 'oidc'
}

/** A signer whose JWK set lies in a file or at an address. */
export interface JwksIssuer extends Trust {
  readonly type: 'jwks'
  readonly keys: { readonly file: string } | { readonly url: string }
}

export type TrustedIssuer = OidcIssuer | JwksIssuer
