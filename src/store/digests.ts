import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Digests } from '../broker/ports.ts'

/** SHA-256, over UTF-8 text or over the RFC 8785 form of a JSON object. */
export const digests: Digests = {
  hex: (text) => hash('sha256', text),
  ofSecret: (secret) => hash('sha256', secret.unwrap()),
  ofJson: (value) => `sha256:${hash('sha256', canonicalize(value) ?? '')}`,
}
