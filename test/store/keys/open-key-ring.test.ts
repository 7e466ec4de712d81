import { expect } from 'chai'
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { DAY, kidsOf, newSealer, ringIn, START } from './support/ring.ts'

const filesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).toSorted()

describe('a key ring', () => {
  it('makes a key for access tokens and one for the audit at its first start, and keeps them', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    const ring = await ringIn(data.at('keys'), { sealer })
    const [access, audit] = [ring.access.signer('EdDSA', START), ring.audit.signer('EdDSA', START)]
    expect(access?.kid)
      .to.match(/^[A-Za-z0-9_-]{43}$/)
      .and.not.to.equal(audit?.kid)
    expect(await filesIn(data.at('keys'))).to.deep.equal([
      `access-EdDSA-${access?.kid}.json`,
      `audit-EdDSA-${audit?.kid}.json`,
    ])
    expect(kidsOf(await ringIn(data.at('keys'), { sealer, now: START + DAY }))).to.deep.equal(kidsOf(ring))
  })

  it('has keys of other algorithms once a grant wants them, and no sooner', async () => {
    await using data = await temporaryFolder()
    const ring = await ringIn(data.path, { sealer: newSealer() })
    expect(ring.access.signer('ES256', START)).to.equal(undefined)
    const changes = await ring.maintain(['ES256', 'RS256', 'ES256'])
    expect(changes.map(({ change, use, algorithm }) => `${change} ${use} ${algorithm}`)).to.deep.equal([
      'created access ES256',
      'created access RS256',
    ])
    expect(await ring.maintain(['ES256', 'RS256'])).to.deep.equal([])
    expect(ring.access.published(START).map(({ algorithm }) => algorithm)).to.have.members(['EdDSA', 'ES256', 'RS256'])
    expect(ring.audit.published(START)).to.have.length(1)
  })

  it('makes one key, not two, for two who ask at the same time', async () => {
    await using data = await temporaryFolder()
    const ring = await ringIn(data.path, { sealer: newSealer() })
    const both = await Promise.all([ring.maintain(['ES256']), ring.maintain(['ES256'])])
    expect(both.flat()).to.have.length(1)
    expect(await filesIn(data.path)).to.have.length(3)
  })

  it('rotates on its files: next at half life, in use at five sixths, the old one deleted at its end', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    let now = START
    const ring = await ringIn(data.path, { sealer, clock: () => now })
    const first = ring.access.signer('EdDSA', now)?.kid
    const at = async (day: number) => {
      now = START + day * DAY
      const changes = await ring.maintain([])
      const onDisk = (await filesIn(data.path)).filter((name) => name.startsWith('access-')).length
      return {
        changes: changes.map(({ change, use }) => `${change} ${use}`),
        sameSigner: ring.access.signer('EdDSA', now)?.kid === first,
        published: ring.access.published(now).length,
        onDisk,
      }
    }
    expect(await at(14.9)).to.deep.equal({ changes: [], sameSigner: true, published: 1, onDisk: 1 })
    expect(await at(15)).to.deep.equal({ changes: ['created access'], sameSigner: true, published: 2, onDisk: 2 })
    expect(await at(24.9)).to.deep.equal({ changes: [], sameSigner: true, published: 2, onDisk: 2 })
    expect(await at(25)).to.deep.equal({ changes: [], sameSigner: false, published: 2, onDisk: 2 })
    expect(await at(26.5)).to.deep.equal({ changes: ['retired access'], sameSigner: false, published: 1, onDisk: 1 })
    expect(kidsOf(await ringIn(data.path, { sealer, now }), now)).to.deep.equal(kidsOf(ring, now))
  })

  it('goes on after a key could not be written, and publishes none that is not on disk', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    let now = START
    const ring = await ringIn(data.at('keys'), { sealer, clock: () => now })
    const before = kidsOf(ring, now)
    await rename(data.at('keys'), data.at('gone'))
    now += 15 * DAY
    const error: unknown = await ring.maintain([]).catch((thrown: unknown) => thrown)
    expect(error).to.have.property('code', 'ENOENT')
    expect(kidsOf(ring, now)).to.deep.equal(before)
    await rename(data.at('gone'), data.at('keys'))
    expect(await ring.maintain([])).to.have.length(1)
    expect(kidsOf(await ringIn(data.at('keys'), { sealer, now }), now)).to.deep.equal(kidsOf(ring, now))
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
    expect(keys).to.have.length(4)
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
