import { expect } from 'chai'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { createAccessTokens } from '../../../src/providers/jwt/create-access-tokens.ts'
import { publicKeySet } from '../../../src/store/keys/public-key-set.ts'
import { minted, OWN } from '../../providers/support/minting.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { DAY, newSealer, ringIn, START } from './support/ring.ts'

const HOUR = DAY / 24

describe('an access token during rotation', () => {
  it('verifies until its end, at the broker and with keys fetched an hour before, for months', async () => {
    await using data = await temporaryFolder()
    let now = START
    const ring = await ringIn(data.path, { sealer: newSealer(), clock: () => now })
    const tokens = createAccessTokens({ issuer: OWN, keys: ring.access })
    const signers = new Set<unknown>()
    let live: readonly { readonly token: string; readonly exp: number }[] = []
    let verified = 0
    // Steps of eight hours; in the third month the broker is off for a hundred days.
    for (let step = 0; step < 130 * 3; step += 1) {
      now += step === 70 * 3 ? 100 * DAY : 7 * HOUR
      const fetched = publicKeySet(ring.access.published(now))
      now += HOUR
      await ring.maintain([])
      const ordered = { now, leaseEnds: now + DAY, grant: { maxTtlSeconds: 86_400 } }
      const { token, claims, header } = await minted(ring.access, ordered)
      signers.add(header['kid'])
      live = [...live.filter(({ exp }) => exp * 1000 > now), { token, exp: Number(claims['exp']) }]
      for (const each of live) {
        expect(await tokens.verify(each.token, now)).not.to.equal(undefined)
        verified += 1
      }
      // The newest and the oldest are those that a change of keys could hurt.
      for (const each of [live[0], live.at(-1)])
        await jwtVerify(each?.token ?? '', createLocalJWKSet(fetched as unknown as JSONWebKeySet), {
          currentDate: new Date(now),
        })
    }
    expect(signers.size).to.be.greaterThan(6)
    expect(verified).to.be.greaterThan(1_000)
  }).timeout(20_000)
})
