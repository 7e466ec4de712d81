import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '../../../src/core/secret.ts'
import { loadSealKey } from '../../../src/store/keys/load-seal-key.ts'
import { createSealer } from '../../../src/store/keys/sealer.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import type { KeyRing } from '../../../src/store/keys/open-key-ring.ts'
import { DAY, faultOf, kidsOf, ringIn, START } from './support/ring.ts'

/** Open, write, sync, name and tidy up the first of two files; tidy up the second; and nothing. */
const STEPS = [0, 1, 2, 3, 4, 9, 10]

/** Starts on the folder in a process that is killed before that step. Whether it was. */
async function crashAt(step: number, folder: string, now: number, ...sealKey: readonly string[]): Promise<boolean> {
  const script = join(import.meta.dirname, 'support/crash-at.ts')
  const child = spawn(process.execPath, [script, String(step), folder, String(now), ...sealKey], { stdio: 'ignore' })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect([0, 'SIGKILL']).to.include(code ?? signal)
  return signal === 'SIGKILL'
}

const temporariesIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.tmp'))

describe('a crash while signing keys are written', function () {
  this.timeout(30_000)

  it('leaves every key file whole or not there, at whatever step it falls', async () => {
    const seal = randomBytes(32)
    const sealer = createSealer(new Secret(seal))
    const now = START + 310 * DAY
    const fates = await Promise.all(
      STEPS.map(async (step) => {
        await using data = await temporaryFolder()
        const before = kidsOf(await ringIn(data.path, { sealer }), now)
        const killed = await crashAt(step, data.path, now, seal.toString('hex'))
        const [partial] = await temporariesIn(data.path)
        const onDisk = (await readdir(data.path)).filter((name) => name.endsWith('.json')).length
        const after = await ringIn(data.path, { sealer, now })
        expect(await temporariesIn(data.path)).to.deep.equal([])
        expect(kidsOf(after, now)).to.have.length(5).and.to.include.members(before)
        return { killed, onDisk, partial: partial !== undefined }
      }),
    )
    expect(fates.map(({ killed }) => killed)).to.deep.equal([true, true, true, true, true, true, false])
    expect(fates.map(({ onDisk }) => onDisk)).to.deep.equal([4, 4, 4, 4, 5, 6, 6])
    expect(fates.map(({ partial }) => partial)).to.deep.equal([false, true, true, true, true, true, false])
  })

  it('would stop the next start if the file had its name from the beginning (a control)', async () => {
    const seal = randomBytes(32)
    const sealer = createSealer(new Secret(seal))
    await using data = await temporaryFolder()
    expect(await crashAt(1, data.path, START, seal.toString('hex'))).to.equal(true)
    const [partial = ''] = await temporariesIn(data.path)
    expect((await readFile(data.at(partial))).byteLength).to.be.greaterThan(0)
    await rename(data.at(partial), data.at(partial.replace(/\.[0-9a-f]{12}\.tmp$/, '')))
    expect((await faultOf(ringIn(data.path, { sealer })))?.message).to.match(/the key file is not JSON/)
  })
})

describe('a crash while the keys are changed by hand', function () {
  this.timeout(60_000)

  /** Killed at one step after another until a run comes through; what is there after the start that follows each. */
  async function everyStep(
    change: 'rotate' | 'anew',
    look: (before: readonly string[], ring: KeyRing, now: number) => void,
  ) {
    const seal = randomBytes(32)
    const sealer = createSealer(new Secret(seal))
    const now = START + DAY
    for (let step = 0; ; step += 1) {
      await using data = await temporaryFolder()
      const first = await ringIn(data.path, { sealer })
      const before = first.access.published(now).map(({ kid }) => kid)
      const killed = await crashAt(step, data.path, now, seal.toString('hex'), change)
      const ring = await ringIn(data.path, { sealer, now })
      expect(await temporariesIn(data.path)).to.deep.equal([])
      look(before, ring, now)
      if (!killed) return { steps: step, ring, before, now }
    }
  }

  it('leaves a rotation done or not done, and whatever was signed before still verifies', async () => {
    const { steps, ring, before, now } = await everyStep('rotate', (keys, after, at) => {
      expect(after.access.published(at).map(({ kid }) => kid)).to.include.members(keys)
      expect(keys).to.include(after.access.signer('EdDSA', at)?.kid)
    })
    expect(steps).to.be.greaterThan(15)
    expect(ring.access.signer('EdDSA', now)?.kid).to.equal(before[1])
  })

  it('leaves a new beginning to be done again, and never without a key', async () => {
    const { steps, ring, before, now } = await everyStep('anew', (_, after, at) => {
      expect(after.access.signer('EdDSA', at)).not.to.equal(undefined)
      expect(after.audit.signer('EdDSA', at)).not.to.equal(undefined)
    })
    expect(steps).to.be.greaterThan(20)
    expect(before).not.to.include(ring.access.signer('EdDSA', now)?.kid)
    expect(ring.outdated(now)).to.deep.equal([])
  })
})

describe('a crash while the seal key is made', function () {
  this.timeout(30_000)

  it('leaves it whole or not there, and what it seals can be opened', async () => {
    const fates = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (step) => {
        await using data = await temporaryFolder()
        expect(await crashAt(step, data.path, START)).to.equal(true)
        const made = (await readdir(data.path)).includes('seal.key')
        const { key, generated } = await loadSealKey({ from: 'data-folder' }, data.path)
        expect(kidsOf(await ringIn(data.path, { sealer: createSealer(key) }))).to.have.length(4)
        expect(await temporariesIn(data.path), 'no second name of the seal key').to.deep.equal([])
        return made && !generated
      }),
    )
    expect(fates).to.deep.equal([false, false, false, false, true, true])
  })
})
