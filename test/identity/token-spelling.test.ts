import { expect } from 'chai'
import fc from 'fast-check'
import { compactVerify } from 'jose'
import { disposedBy } from '../support/disposed-by.ts'
import { json, startKeyServer } from './support/key-server.ts'
import { makeSigner, type Signer } from './support/signer.ts'
import { spellingsOf, changesOf, twinOf } from './support/spellings.ts'
import { causeOf, claimsOf, jwks, testClock, trust } from './support/trust.ts'

const clock = testClock()

async function world(signer: Signer) {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startKeyServer())
  server.answers.set('/keys', json({ keys: [signer.jwk] }))
  const issuer = jwks({ url: `${server.url}/keys` }, { algorithms: [signer.algorithm] })
  const identities = trust({ issuers: [issuer] }, { clock })
  // Text that makes every base64 letter count: the two that differ between the alphabets are in it.
  const token = signer.token(claimsOf('https://issuer.test', clock, { note: 'ÿþ~~??>>>' }))
  expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
  const verified = (text: string): Promise<boolean> =>
    compactVerify(text, signer.publicKey).then(
      () => true,
      () => false,
    )
  return { identities, token, verified, ...disposedBy(opened) }
}

describe('a credential is not keyed by a text that has twins: an identity token', () => {
  for (const algorithm of ['EdDSA', 'ES256', 'RS256'] as const) {
    const signer = makeSigner(algorithm, 'k1')

    it(`signed with ${algorithm} passes in no other spelling`, async () => {
      await using issuer = await world(signer)
      const { identities, token, verified } = issuer
      const others = spellingsOf(token)
      expect(
        (await Promise.all(others.map(verified))).filter(Boolean).length,
        'a control: twins exist',
      ).to.be.greaterThan(3)
      for (const text of others) expect(causeOf(await identities.workload(text)), text).not.to.match(/^accepted/)
    })

    it(`signed with ${algorithm} passes with no change at all`, async () => {
      await using issuer = await world(signer)
      const { identities, token } = issuer
      const property = fc.asyncProperty(changesOf(token), async (text) => {
        return text === token || !(await identities.workload(text)).ok
      })
      await fc.assert(property, { numRuns: 1_000 })
    })
  }

  it('with the other ECDSA signature of the same claims is verified by itself and never found in memory', async () => {
    await using issuer = await world(makeSigner('ES256', 'k1'))
    const { identities, token, verified } = issuer
    const twin = twinOf(token)
    expect(await verified(twin), 'a control').to.equal(true)
    const [one, again, other] = [
      await identities.workload(token),
      await identities.workload(token),
      await identities.workload(twin),
    ]
    if (!one.ok || !again.ok || !other.ok) throw new Error('One of them was refused')
    expect(again.value === one.value).to.equal(true)
    expect(other.value === one.value).to.equal(false)
    expect(other.value).to.deep.equal(one.value)
  })
})
