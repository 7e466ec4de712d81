import { expect } from 'chai'
import { CompactSign } from 'jose'
import type { Json, JsonObject } from '../../../src/core/json.ts'
import type { Keys } from '../../../src/store/keys/open-key-ring.ts'
import { publicKeySet } from '../../../src/store/keys/public-key-set.ts'
import { signCheckpoint } from '../../../src/store/keys/sign-checkpoint.ts'
import { generatePrivateKey, signingKeyOf, type SigningKey } from '../../../src/store/keys/signing-key.ts'
import { verifyCheckpoint } from '../../../src/store/keys/verify-checkpoint.ts'
import { spellingsOf } from '../../identity/support/spellings.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { DAY, newSealer, ringIn, START } from './support/ring.ts'

const head = (seq: number) => ({ seq, hash: String(seq % 10).repeat(64) })
const HEADS = { approved: head(17), denied: head(0), operations: head(4) }
const newAuditKey = async (): Promise<SigningKey> =>
  signingKeyOf(await generatePrivateKey('EdDSA'), {
    use: 'audit',
    algorithm: 'EdDSA',
    createdAt: START,
    signsFrom: START,
  })
const keysOf = (signer: SigningKey | undefined, ...published: readonly SigningKey[]): Keys => ({
  signer: () => signer,
  published: () => published,
})

const errorOf = async (text: string, keySet: Json): Promise<string> => {
  const verified = await verifyCheckpoint(text, keySet)
  return verified.ok ? 'verified' : verified.error
}

describe('a checkpoint', () => {
  let key: SigningKey
  let keySet: JsonObject
  let checkpoint: string
  before(async () => {
    key = await newAuditKey()
    keySet = publicKeySet([key])
    checkpoint = await signCheckpoint(keysOf(key, key), HEADS, START)
  })

  /** A checkpoint that the audit key signs, as the broker would not. */
  const signed = (payload: object, header: object = {}): Promise<string> =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'mayfly-audit+jwt', kid: key.kid, ...header })
      .sign(key.privateKey)
  const stated = () => ({ streams: HEADS, time: new Date(START).toISOString() })

  it('states how far every stream reaches, and when, of a type of its own', async () => {
    const [header, payload] = checkpoint
      .split('.', 2)
      .map((part): unknown => JSON.parse(Buffer.from(part, 'base64url').toString()))
    expect(header).to.deep.equal({ alg: 'EdDSA', typ: 'mayfly-audit+jwt', kid: key.kid })
    expect(payload).to.deep.equal({ streams: HEADS, time: '2027-03-01T12:00:00.000Z' })
    expect(await verifyCheckpoint(checkpoint, keySet)).to.deep.equal({ ok: true, value: payload })
  })

  it('verifies from a file with a line end', async () => {
    expect(await errorOf(`${checkpoint}\n`, keySet)).to.equal('verified')
  })

  it('verifies years and rotations later with the keys that the broker still publishes', async () => {
    await using data = await temporaryFolder()
    let now = START
    const ring = await ringIn(data.path, { sealer: newSealer(), clock: () => now })
    const first = await signCheckpoint(ring.audit, HEADS, now)
    for (let month = 1; month <= 60; month += 1) {
      now += 30 * DAY
      await ring.maintain([])
    }
    expect(ring.audit.published(now).length).to.be.greaterThan(5)
    expect(await errorOf(first, publicKeySet(ring.audit.published(now)))).to.equal('verified')
    expect(await errorOf(first, publicKeySet(ring.access.published(now)))).to.match(/not among these audit keys/)
  })

  it('does not verify with another key, whatever its name', async () => {
    const other = await newAuditKey()
    expect(await errorOf(checkpoint, publicKeySet([other]))).to.match(/not among these audit keys/)
    const renamed = { keys: [{ ...other.publicJwk, kid: key.kid }] }
    expect(await errorOf(checkpoint, renamed)).to.equal('The signature of the checkpoint does not hold')
  })

  it('does not verify with a key set that is none', async () => {
    for (const other of [null, [], {}, { keys: {} }, { keys: [] }, { keys: [null, 'x', 7] }, key.publicJwk] as const)
      expect(await errorOf(checkpoint, other)).to.match(/not among these audit keys/)
  })

  it('does not verify changed', async () => {
    const [header = '', payload = '', signature = ''] = checkpoint.split('.')
    const other = Buffer.from(JSON.stringify({ ...stated(), streams: { ...HEADS, denied: head(9) } })).toString(
      'base64url',
    )
    expect(await errorOf([header, other, signature].join('.'), keySet)).to.match(/signature .* does not hold/)
    expect(
      await errorOf([header, payload, signature.replace(/^./, (char) => (char === 'A' ? 'B' : 'A'))].join('.'), keySet),
    ).to.match(/signature .* does not hold/)
  })

  it('has one spelling, blanks around it aside', async () => {
    for (const text of spellingsOf(checkpoint).filter((each) => each.trim() !== checkpoint))
      expect(await errorOf(text, keySet), text).not.to.equal('verified')
  })

  it('is no other kind of token, even of the audit key', async () => {
    expect(await errorOf(await signed(stated()), keySet), 'a control').to.equal('verified')
    for (const typ of ['at+jwt', 'JWT', 'application/mayfly-audit+jwt', 'MAYFLY-AUDIT+JWT', undefined])
      expect(await errorOf(await signed(stated(), { typ }), keySet)).to.match(/not of type mayfly-audit\+jwt/)
    expect(await errorOf(await signed(stated(), { kid: undefined }), keySet)).to.match(/not among these audit keys/)
  })

  it('has the form of one', async () => {
    const { streams, time } = stated()
    const others = [
      {},
      { streams },
      { time },
      { streams: {}, time },
      { streams: { ...streams, denied: undefined }, time },
      { streams: { ...streams, denied: { seq: '1', hash: 'x' } }, time },
      { streams: { ...streams, denied: { seq: 1 } }, time },
      { streams, time: START },
    ]
    for (const other of others)
      expect(await errorOf(await signed(other), keySet), JSON.stringify(other)).to.match(
        /does not have the form of one/,
      )
  })

  it('is no text at all, and never throws', async () => {
    for (const text of ['', 'x', 'a.b.c', `${checkpoint}.x`, '{"streams":{}}'])
      expect(await errorOf(text, keySet)).to.match(/^The checkpoint /)
  })

  it('is verified before it leaves: without a key, or with one that does not verify, there is none', async () => {
    const other = await newAuditKey()
    const cases = [
      [keysOf(undefined, key), 'There is no audit key yet'],
      [keysOf(key, other), 'The checkpoint is signed with a key that is not among these audit keys'],
      [keysOf({ ...key, privateKey: other.privateKey }, key), 'The signature of the checkpoint does not hold'],
    ] as const
    for (const [keys, message] of cases) {
      const error: unknown = await signCheckpoint(keys, HEADS, START).catch((thrown: unknown) => thrown)
      expect(error).to.be.an('error').with.property('message', message)
    }
  })
})
