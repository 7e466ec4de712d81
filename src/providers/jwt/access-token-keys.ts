import type { KeyObject } from 'node:crypto'
import type { SigningAlgorithm } from '../../core/catalogue.ts'
import type { Instant } from '../../core/time.ts'

/** One key that signs access tokens, and its public half. */
export interface AccessTokenKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** The broker's access token keys. `published` MUST hold every key whose tokens may still live. */
export interface AccessTokenKeys {
  signer(algorithm: SigningAlgorithm, now: Instant): AccessTokenKey | undefined
  published(now: Instant): readonly AccessTokenKey[]
}

/** Whose tokens, and with which keys. `issuer` is `server.public_url`. */
export interface AccessTokenIssuer {
  readonly issuer: string
  readonly keys: AccessTokenKeys
}

/** RFC 9068 section 2.1. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'
