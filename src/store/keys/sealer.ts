import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { err, ok, type Result } from '../../core/result.ts'
import type { Secret } from '../../core/secret.ts'

export const SEAL_KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const FORM = /^v1\.[A-Za-z0-9_-]+$/

/** What a sealed text is for, and whose it is. It opens only under both: a sealed text moved elsewhere stays shut. */
interface SealedFor {
  readonly purpose: string
  readonly name: string
}

/** Keeps at rest what must be kept: AES-256-GCM, as one line of text. */
export interface Sealer {
  seal(what: SealedFor, plaintext: Uint8Array): string
  /** The error says nothing about the content; a wrong key and a changed bit look alike. */
  open(what: SealedFor, sealed: string): Result<Uint8Array, string>
}

/**
 * Seals under keys derived from one seal key of 32 bytes, one a purpose (HKDF, RFC 5869), so that the random nonces of a
 * busy purpose never come near the limit of another's (NIST SP 800-38D section 8.3: 2^32 a key).
 */
export function createSealer(secret: Secret<Uint8Array>): Sealer {
  const sealKey = secret.unwrap()
  if (sealKey.byteLength !== SEAL_KEY_BYTES) throw new Error(`A seal key has ${SEAL_KEY_BYTES} bytes`)
  const keys = new Map<string, Uint8Array>()

  function keyOf(purpose: string): Uint8Array {
    const known = keys.get(purpose)
    if (known) return known
    const key = new Uint8Array(hkdfSync('sha256', sealKey, '', `mayfly seal v1 ${purpose}`, SEAL_KEY_BYTES))
    keys.set(purpose, key)
    return key
  }

  return {
    seal(what, plaintext) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', keyOf(what.purpose), nonce).setAAD(bound(what))
      const sealed = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
      return `v1.${sealed.toString('base64url')}`
    },
    open(what, text) {
      const sealed = Buffer.from(text.slice(3), 'base64url')
      if (!FORM.test(text) || sealed.length < NONCE_BYTES + TAG_BYTES) return err('is not a sealed text')
      const nonce = sealed.subarray(0, NONCE_BYTES)
      const tag = sealed.subarray(-TAG_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', keyOf(what.purpose), nonce, { authTagLength: TAG_BYTES })
        .setAAD(bound(what))
        .setAuthTag(tag)
      try {
        return ok(Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]))
      } catch {
        return err('does not open: it was sealed with another key, for something else, or has changed')
      }
    },
  }
}

/** JSON keeps the two parts apart, whatever they hold. */
const bound = ({ purpose, name }: SealedFor): Buffer => Buffer.from(JSON.stringify([purpose, name]))
