import { expect } from 'chai'
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { DAY, kidsOf, newSealer, ringIn, START } from './support/ring.ts'

const filesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).toSorted()

describe('a key ring', () => {
  it('makes keys for access tokens and for the audit at its first start, one to sign and the next, and keeps them', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    const ring = await ringIn(data.at('keys'), { sealer })
    const [access, audit] = [ring.access.signer('EdDSA', START), ring.audit.signer('EdDSA', START)]
    expect(access?.kid)
      .to.match(/^[A-Za-z0-9_-]{43}$/)
      .and.not.to.equal(audit?.kid)
    const names = ring.places(START).map(({ key, state }) => `${key.use}-${key.algorithm}-${key.kid}.json ${state}`)
    expect(names).to.include.members([
      `access-EdDSA-${access?.kid}.json current`,
      `audit-EdDSA-${audit?.kid}.json current`,
    ])
    expect(names.filter((name) => name.endsWith('next'))).to.have.length(2)
    expect(await filesIn(data.at('keys'))).to.deep.equal(names.map((name) => name.split(' ')[0]).toSorted())
    expect(kidsOf(await ringIn(data.at('keys'), { sealer, now: START + DAY }))).to.deep.equal(kidsOf(ring))
  })

  it('has keys of other algorithms once a grant wants them, and no sooner', async () => {
    await using data = await temporaryFolder()
    const ring = await ringIn(data.path, { sealer: newSealer() })
    expect(ring.access.signer('ES256', START)).to.equal(undefined)
    await ring.maintain(['ES256', 'RS256', 'ES256'])
    const kids = kidsOf(ring)
    await ring.maintain(['ES256', 'RS256'])
    expect(kidsOf(ring)).to.deep.equal(kids)
    expect(ring.access.published(START).map(({ algorithm }) => algorithm)).to.deep.equal(
      ['EdDSA', 'ES256', 'RS256'].flatMap((algorithm) => [algorithm, algorithm]),
    )
    expect(ring.audit.published(START)).to.have.length(2)
  })

  it('makes what is missing once for two who ask at the same time', async () => {
    await using data = await temporaryFolder()
    const ring = await ringIn(data.path, { sealer: newSealer() })
    await Promise.all([ring.maintain(['ES256']), ring.maintain(['ES256'])])
    expect(await filesIn(data.path)).to.have.length(6)
  })

  it('rotates on its files: the next key is published, signs on its day, and the old one is deleted at its end', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    let now = START
    const ring = await ringIn(data.path, { sealer, clock: () => now })
    const first = ring.access.signer('EdDSA', now)?.kid
    const at = async (day: number) => {
      now = START + day * DAY
      await ring.maintain([])
      await ring.forget(ring.retired(now))
      return {
        sameSigner: ring.access.signer('EdDSA', now)?.kid === first,
        published: ring.access.published(now).length,
        onDisk: (await filesIn(data.path)).filter((name) => name.startsWith('access-')).length,
      }
    }
    expect(await at(24.9)).to.deep.equal({ sameSigner: true, published: 2, onDisk: 2 })
    expect(await at(25)).to.deep.equal({ sameSigner: false, published: 3, onDisk: 3 })
    expect(await at(26.5)).to.deep.equal({ sameSigner: false, published: 2, onDisk: 2 })
    expect(kidsOf(await ringIn(data.path, { sealer, now }), now)).to.deep.equal(kidsOf(ring, now))
  })

  it('goes on after a key could not be written, and publishes none that is not on disk', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    let now = START
    const ring = await ringIn(data.at('keys'), { sealer, clock: () => now })
    const before = kidsOf(ring, now)
    await rename(data.at('keys'), data.at('gone'))
    now += 26 * DAY
    const error: unknown = await ring.maintain([]).catch((thrown: unknown) => thrown)
    expect(error).to.have.property('code', 'ENOENT')
    expect(kidsOf(ring, now)).to.deep.equal(before)
    await rename(data.at('gone'), data.at('keys'))
    await ring.maintain([])
    expect(kidsOf(ring, now)).to.have.length(before.length + 1)
    expect(kidsOf(await ringIn(data.at('keys'), { sealer, now }), now)).to.deep.equal(kidsOf(ring, now))
  })
})

describe('a rotation by hand', () => {
  it('makes the published next key sign at once, and publishes one after it', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    let now = START
    const ring = await ringIn(data.path, { sealer, clock: () => now })
    const [first, second] = ring.access.published(now)
    now += DAY
    await ring.rotate()
    expect(ring.access.signer('EdDSA', now)?.kid).to.equal(second?.kid)
    expect(ring.access.published(now).map(({ kid }) => kid))
      .to.have.length(3)
      .and.include(first?.kid)
    expect(ring.audit.published(now)).to.have.length(3)
    const restarted = await ringIn(data.path, { sealer, now })
    expect(kidsOf(restarted, now)).to.deep.equal(kidsOf(ring, now))
    expect(restarted.access.signer('EdDSA', now)?.kid).to.equal(second?.kid)
    now += DAY + 3_600_000
    expect(ring.retired(now).map(({ kid }) => kid)).to.deep.equal([first?.kid])
  })

  it('comes once for each who asks, whoever else works on the keys at the time', async () => {
    await using data = await temporaryFolder()
    const ring = await ringIn(data.path, { sealer: newSealer() })
    const keys = ring.access.published(START)
    await Promise.all([ring.rotate(), ring.maintain(['ES256']), ring.rotate()])
    const published = ring.access.published(START).filter(({ algorithm }) => algorithm === 'EdDSA')
    expect(published).to.have.length(4)
    expect(keys.map(({ kid }) => kid)).not.to.include(ring.access.signer('EdDSA', START)?.kid)
  })
})

describe('a new beginning of the keys', () => {
  it('signs with nothing that was there before, and names what has to go', async () => {
    await using data = await temporaryFolder()
    let now = START
    const ring = await ringIn(data.path, { sealer: newSealer(), clock: () => now })
    await ring.maintain(['ES256'])
    now += DAY
    await ring.rotate()
    const before = [...ring.access.published(now), ...ring.audit.published(now)].map(({ kid }) => kid)
    const from = (now += DAY)
    await ring.startAnew(from)
    for (const key of [
      ring.access.signer('EdDSA', now),
      ring.access.signer('ES256', now),
      ring.audit.signer('EdDSA', now),
    ])
      expect(before).not.to.include(key?.kid)
    await ring.forget(ring.outdated(from))
    const left = ring.places(now)
    expect(left.filter(({ key }) => key.use === 'access').map(({ key }) => before.includes(key.kid))).to.deep.equal(
      Array(4).fill(false),
    )
    const audit = left
      .filter(({ key }) => key.use === 'audit')
      .map(({ key, state }) => `${state} ${before.includes(key.kid)}`)
    expect(audit, 'what has signed checkpoints goes on to verify them').to.deep.equal([
      'retiring true',
      'retiring true',
      'current false',
      'next false',
    ])
    const kids = kidsOf(ring, now)
    now += DAY
    await ring.startAnew(from)
    expect(kidsOf(ring, now), 'done twice is done once').to.deep.equal(kids)
    now = START
    await ring.startAnew(from + DAY)
    expect(
      ring.outdated(from + DAY).map(({ kid }) => kid),
      'whatever the clock says',
    ).to.include.members(left.filter(({ key }) => key.use === 'access').map(({ key }) => key.kid))
    expect(kids).not.to.include(ring.access.signer('EdDSA', now)?.kid)
    await ring.forget(ring.outdated(from + DAY))
    expect(ring.outdated(from)).to.deep.equal([])
  })
})

describe('keys at rest', () => {
  it('are sealed: no private key is anywhere in the folder, in any form', async () => {
    await using data = await temporaryFolder()
    const ring = await ringIn(data.path, { sealer: newSealer() })
    await ring.maintain(['ES256', 'RS256'])
    const contents = await Promise.all((await filesIn(data.path)).map((name) => readFile(join(data.path, name))))
    const lies = (bytes: Buffer): boolean =>
      (['hex', 'base64', 'base64url', 'latin1'] as const).some((encoding) =>
        contents.some((content) => content.includes(Buffer.from(bytes.toString(encoding), 'latin1'))),
      )
    const keys = [...ring.access.published(START), ...ring.audit.published(START)]
    expect(keys).to.have.length(8)
    for (const { kid, privateKey } of keys) {
      expect(lies(Buffer.from(kid, 'latin1')), 'a control: the name of the key is found').to.equal(true)
      const jwk = privateKey.export({ format: 'jwk' })
      const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi']
        .map((name) => jwk[name])
        .filter((each) => typeof each === 'string')
      const der = privateKey.export({ format: 'der', type: 'pkcs8' })
      for (const bytes of [der, der.subarray(-32), ...secret.map((each) => Buffer.from(each, 'base64url'))])
        expect(lies(bytes)).to.equal(false)
    }
  })

  it('can be read and entered by nobody else', async () => {
    await using data = await temporaryFolder()
    await ringIn(data.at('keys'), { sealer: newSealer() })
    expect((await stat(data.at('keys'))).mode & 0o777).to.equal(0o700)
    for (const name of await filesIn(data.at('keys')))
      expect((await stat(join(data.at('keys'), name))).mode & 0o777).to.equal(0o600)
  })
})
