import { createPublicKey } from 'node:crypto'
import { compactVerify } from 'jose'
import { AUDIT_STREAMS, type AuditStream, type ChainHead } from '../../core/audit.ts'
import { parseCompactToken } from '../../core/compact-token.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { err, ok, type Result } from '../../core/result.ts'

/** `typ` of a checkpoint: no other use of a key has it (RFC 8725 section 3.11). */
export const CHECKPOINT_TYPE = 'mayfly-audit+jwt'

/** The last record of every stream. */
export type ChainHeads = Readonly<Record<AuditStream, ChainHead>>

export interface Checkpoint {
  readonly streams: ChainHeads
  /** RFC 3339, as signed. */
  readonly time: string
}

/** What a checkpoint states, if one of the keys of this JWK set (`/v1/audit/keys`) signed it. The error says what fails. */
export async function verifyCheckpoint(text: string, keySet: Json): Promise<Result<Checkpoint, string>> {
  const parsed = parseCompactToken(text.trim())
  if (!parsed.ok) return err(`The checkpoint ${parsed.error}`)
  const { algorithm, kid, header, payload } = parsed.value
  if (header['typ'] !== CHECKPOINT_TYPE || algorithm !== 'EdDSA')
    return err(`The checkpoint is not of type ${CHECKPOINT_TYPE}, signed with EdDSA`)
  const listed = isJsonObject(keySet) && Array.isArray(keySet['keys']) ? (keySet['keys'] as readonly Json[]) : []
  const jwk = listed
    .filter(isJsonObject)
    .find((each) => kid !== null && each['kid'] === kid && each['crv'] === 'Ed25519')
  if (typeof jwk?.['x'] !== 'string')
    return err('The checkpoint is signed with a key that is not among these audit keys')
  try {
    const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: jwk['x'] } })
    await compactVerify(text.trim(), key, { algorithms: [algorithm] })
  } catch {
    return err('The signature of the checkpoint does not hold')
  }
  const checkpoint = checkpointOf(payload)
  return checkpoint ? ok(checkpoint) : err('The checkpoint is signed, but does not have the form of one')
}

function checkpointOf({ streams, time }: JsonObject): Checkpoint | undefined {
  if (!isJsonObject(streams) || typeof time !== 'string') return undefined
  const [approved, denied, operations] = AUDIT_STREAMS.map((name) => headOf(streams[name]))
  return approved && denied && operations && { streams: { approved, denied, operations }, time }
}

function headOf(value: Json | undefined): ChainHead | undefined {
  if (!isJsonObject(value)) return undefined
  const { seq, hash } = value
  return typeof seq === 'number' && typeof hash === 'string' ? { seq, hash } : undefined
}
