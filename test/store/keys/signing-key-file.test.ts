import { expect } from 'chai'
import { chmod, copyFile, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sealer } from '../../../src/store/keys/sealer.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { faultOf, kidsOf, newSealer, ringIn } from './support/ring.ts'

const filesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).toSorted()

describe('a start with key files that do not fit', () => {
  /** A folder with one ring in it, spoilt; then what stops the next start. */
  async function faultAfter(
    spoil: (path: (use: 'access' | 'audit') => string, folder: string) => Promise<unknown>,
    next?: Sealer,
  ) {
    const sealer = newSealer()
    await using data = await temporaryFolder()
    await ringIn(data.path, { sealer })
    const names = await filesIn(data.path)
    await spoil((use) => join(data.path, names.find((name) => name.startsWith(use)) ?? ''), data.path)
    const before = await filesIn(data.path)
    const fault = await faultOf(ringIn(data.path, { sealer: next ?? sealer }))
    expect(await filesIn(data.path), 'nothing is made anew or removed').to.deep.equal(before)
    return fault
  }

  it('is a start where nothing was spoilt (a control)', async () => {
    expect(await faultAfter(() => Promise.resolve())).to.equal(undefined)
  })

  it('is refused with another seal key, and says what to restore', async () => {
    const fault = await faultAfter(() => Promise.resolve(), newSealer())
    expect(fault?.message).to.match(/(access|audit)-EdDSA-.*\.json: the sealed key does not open/)
    expect(fault?.mend).to.match(/Restore it from a backup together with the seal key/)
  })

  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777]) {
    it(`is refused where a key file has the mode 0${mode.toString(8)}`, async () => {
      const fault = await faultAfter((path) => chmod(path('access'), mode))
      expect(fault?.message).to.include(`others than its owner may use it (mode 0${mode.toString(8)})`)
      expect(fault?.mend).to.equal(`Run: chmod 600 '${fault?.file}'`)
    })
  }

  for (const mode of [0o600, 0o400, 0o700]) {
    it(`is a start where a key file has the mode 0${mode.toString(8)}`, async () => {
      expect(await faultAfter((path) => chmod(path('access'), mode))).to.equal(undefined)
    })
  }

  const edit =
    (change: (content: Record<string, unknown>, text: string) => unknown) =>
    async (path: (use: 'access') => string) => {
      const text = await readFile(path('access'), 'utf8')
      const changed = change(JSON.parse(text) as Record<string, unknown>, text)
      await writeFile(path('access'), typeof changed === 'string' ? changed : JSON.stringify(changed))
    }
  const spoilt: readonly (readonly [string, Parameters<typeof faultAfter>[0], RegExp])[] = [
    ['is empty', (path) => truncate(path('access')), /the key file is not JSON/],
    ['breaks off', edit((_, text) => text.slice(0, -20)), /the key file is not JSON/],
    ['is of a later version', edit((content) => ({ ...content, version: 3 })), /not one of this version/],
    ['has lost its key', edit((content) => ({ ...content, sealed: undefined })), /not one of this version/],
    ['has a sealed text that is none', edit((content) => ({ ...content, sealed: 'v1.AAAA' })), /is not a sealed text/],
    [
      'has a changed bit',
      edit((content) => ({
        ...content,
        sealed: String(content['sealed']).replace(
          /(.{40})(.)/,
          (_, a: string, b: string) => a + (b === 'A' ? 'B' : 'A'),
        ),
      })),
      /does not open/,
    ],
    ['was made older', edit((content) => ({ ...content, created_at: '2026-01-01T00:00:00.000Z' })), /does not open/],
    [
      'was made to sign sooner',
      edit((content) => ({ ...content, signs_from: '2026-01-01T00:00:00.000Z' })),
      /does not open/,
    ],
    ['has no day to sign from', edit((content) => ({ ...content, signs_from: null })), /not one of this version/],
    ['has no day', edit((content) => ({ ...content, created_at: 'yesterday' })), /not one of this version/],
    ['was renamed', async (path, folder) => rename(path('access'), join(folder, 'my-key.json')), /was renamed/],
    [
      'of the audit was made one for access tokens',
      async (path) => rename(path('audit'), path('audit').replace('audit-', 'access-')),
      /was renamed/,
    ],
    [
      'of the audit was made one for access tokens, inside too',
      async (path) => {
        const content = JSON.parse(await readFile(path('audit'), 'utf8')) as object
        const file = path('audit').replace('audit-', 'access-')
        await writeFile(file, JSON.stringify({ ...content, use: 'access' }), { mode: 0o600 })
      },
      /does not open/,
    ],
    [
      'holds the sealed key of another',
      async (path) => {
        const [access, audit] = await Promise.all(
          (['access', 'audit'] as const).map(async (use) => JSON.parse(await readFile(path(use), 'utf8')) as object),
        )
        await writeFile(path('access'), JSON.stringify({ ...access, sealed: (audit as { sealed: string }).sealed }))
      },
      /does not open/,
    ],
    [
      'is the copy of one under another name',
      async (path, folder) => copyFile(path('audit'), join(folder, 'audit-EdDSA-copy.json')),
      /was renamed/,
    ],
  ]
  for (const [what, spoil, message] of spoilt) {
    it(`is refused where a key file ${what}`, async () => {
      const fault = await faultAfter(spoil)
      expect(fault?.message).to.match(message)
      expect(fault?.mend).to.match(/never makes a key anew/)
    })
  }

  it('is a start where a crash left temporary files behind, which are gone after it', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    const before = kidsOf(await ringIn(data.path, { sealer }))
    const names = await filesIn(data.path)
    await writeFile(data.at(`${names[0]}.0a1b2c3d4e5f.tmp`), '{"version":1,', { mode: 0o600 })
    await writeFile(data.at('seal.key.ffffffffffff.tmp'), 'x')
    expect(kidsOf(await ringIn(data.path, { sealer }))).to.deep.equal(before)
    expect(await filesIn(data.path)).to.deep.equal(names)
  })

  it('is a first start where the whole folder is gone', async () => {
    await using data = await temporaryFolder()
    const sealer = newSealer()
    const before = kidsOf(await ringIn(data.at('keys'), { sealer }))
    await rm(data.at('keys'), { recursive: true })
    expect(kidsOf(await ringIn(data.at('keys'), { sealer })))
      .to.have.length(4)
      .and.not.to.deep.equal(before)
  })
})
