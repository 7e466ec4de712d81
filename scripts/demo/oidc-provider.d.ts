/** As much of `oidc-provider` as the demo's issuer uses: the package ships no types of its own. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'

  interface ResourceServer {
    readonly scope: string
    readonly audience: string
    readonly accessTokenFormat: 'jwt'
    readonly accessTokenTTL: number
    readonly jwt: { readonly sign: { readonly alg: string } }
  }

  export class Provider {
    constructor(
      issuer: string,
      configuration: {
        readonly clients: readonly Readonly<Record<string, unknown>>[]
        readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
        readonly cookies: { readonly keys: readonly string[] }
        readonly features: {
          readonly devInteractions: { readonly enabled: false }
          readonly clientCredentials: { readonly enabled: true }
          readonly resourceIndicators: {
            readonly enabled: true
            readonly getResourceServerInfo: (context: unknown, resource: string) => ResourceServer
          }
        }
      },
    )
    callback(): RequestListener
  }
}
