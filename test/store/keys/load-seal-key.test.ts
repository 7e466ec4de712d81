import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import { chmod, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { Secret } from '../../../src/core/secret.ts'
import { loadSealKey } from '../../../src/store/keys/load-seal-key.ts'
import { createSealer } from '../../../src/store/keys/sealer.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { faultOf, kidsOf, ringIn } from './support/ring.ts'

const key = Buffer.from(Array.from({ length: 32 }, (_, n) => 255 - 7 * n))
const BESIDE = { from: 'data-folder' } as const

describe('a seal key in a file', () => {
  const forms: readonly (readonly [string, string])[] = [
    ['base64', key.toString('base64')],
    ['base64 with a line end', `${key.toString('base64')}\n`],
    ['base64url', key.toString('base64url')],
    ['hex', key.toString('hex')],
    ['upper-case hex between blanks', ` ${key.toString('hex').toUpperCase()}\r\n`],
  ]
  for (const [form, text] of forms) {
    it(`is read as ${form}`, async () => {
      await using folder = await temporaryFolder()
      await writeFile(folder.at('seal.key'), text, { mode: 0o600 })
      const loaded = await loadSealKey({ from: 'file', file: folder.at('seal.key') }, folder.path)
      expect(Buffer.from(loaded.key.unwrap()).equals(key)).to.equal(true)
      expect([loaded.besideData, loaded.generated]).to.deep.equal([false, false])
    })
  }

  const wrong: readonly (readonly [string, string])[] = [
    ['empty', ''],
    ['a passphrase', 'correct horse battery staple'],
    ['16 bytes', randomBytes(16).toString('base64')],
    ['31 bytes', randomBytes(31).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['32 bytes of hex and a letter', `${key.toString('hex')}x`],
    ['two keys', `${key.toString('base64')}\n${key.toString('base64')}`],
    ['raw bytes', key.toString('latin1')],
  ]
  for (const [what, text] of wrong) {
    it(`is refused where it is ${what}, without a word of it`, async () => {
      await using folder = await temporaryFolder()
      await writeFile(folder.at('seal.key'), text, { mode: 0o600 })
      const fault = await faultOf(loadSealKey({ from: 'file', file: folder.at('seal.key') }, folder.path))
      expect(fault?.message).to.equal(
        `${folder.at('seal.key')}: a seal key is 32 bytes in base64 or hex. ` +
          'Make one with: (umask 077; openssl rand -base64 32 > seal.key)',
      )
    })
  }

  it('is refused where it is missing', async () => {
    await using folder = await temporaryFolder()
    const fault = await faultOf(loadSealKey({ from: 'file', file: folder.at('seal.key') }, folder.path))
    expect(fault?.message).to.include('there is no seal key')
  })

  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o601]) {
    it(`is refused where its mode is 0${mode.toString(8)}`, async () => {
      await using folder = await temporaryFolder()
      await writeFile(folder.at('seal.key'), key.toString('hex'))
      await chmod(folder.at('seal.key'), mode)
      const fault = await faultOf(loadSealKey({ from: 'file', file: folder.at('seal.key') }, folder.path))
      expect(fault?.message)
        .to.include(`mode 0${mode.toString(8)}`)
        .and.to.include('chmod 600')
    })
  }
})

describe('a seal key in the environment', () => {
  const from = (value: string) => ({ from: 'environment', variable: 'SEAL', value: new Secret(value) }) as const

  it('is read like one in a file', async () => {
    const loaded = await loadSealKey(from(key.toString('base64')), '/nowhere')
    expect(Buffer.from(loaded.key.unwrap()).equals(key)).to.equal(true)
  })

  it('is refused by the name of its variable and not by its value', async () => {
    const fault = await faultOf(loadSealKey(from('hunter2'), '/nowhere'))
    expect(fault?.message)
      .to.match(/^\$SEAL: a seal key is 32 bytes/)
      .and.not.to.include('hunter2')
  })
})

describe('a seal key that nobody configured', () => {
  it('is made beside the data, for its owner alone, and says so', async () => {
    await using data = await temporaryFolder()
    const first = await loadSealKey(BESIDE, data.at('keys'))
    expect([first.besideData, first.generated]).to.deep.equal([true, true])
    expect((await stat(data.at('keys/seal.key'))).mode & 0o777).to.equal(0o600)
    const again = await loadSealKey(BESIDE, data.at('keys'))
    expect([again.besideData, again.generated]).to.deep.equal([true, false])
    expect(Buffer.from(again.key.unwrap()).equals(first.key.unwrap())).to.equal(true)
    expect(first.key.unwrap()).to.have.length(32)
  })

  it('is another in each folder', async () => {
    await using data = await temporaryFolder()
    const [one, two] = [await loadSealKey(BESIDE, data.at('a')), await loadSealKey(BESIDE, data.at('b'))]
    expect(Buffer.from(one.key.unwrap()).equals(two.key.unwrap())).to.equal(false)
  })

  it('is not made anew where sealed keys need the one that is missing', async () => {
    await using data = await temporaryFolder()
    const loaded = await loadSealKey(BESIDE, data.path)
    const before = kidsOf(await ringIn(data.path, { sealer: createSealer(loaded.key) }))
    const text = await readFile(data.at('seal.key'))
    await unlink(data.at('seal.key'))
    const fault = await faultOf(loadSealKey(BESIDE, data.path))
    expect(fault?.message).to.match(/seal\.key: the seal key is missing, and 4 sealed key files need it\. Restore it/)
    await writeFile(data.at('seal.key'), text, { mode: 0o600 })
    const restored = await loadSealKey(BESIDE, data.path)
    expect(kidsOf(await ringIn(data.path, { sealer: createSealer(restored.key) }))).to.deep.equal(before)
  })

  it('is refused where others may read it', async () => {
    await using data = await temporaryFolder()
    await loadSealKey(BESIDE, data.path)
    await chmod(data.at('seal.key'), 0o644)
    expect((await faultOf(loadSealKey(BESIDE, data.path)))?.message).to.include('mode 0644')
  })
})
