import Database from 'better-sqlite3'
import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mayfly } from '../cli/support/mayfly.ts'
import { settingsOf, startTestBroker, worldIn } from '../support/broker.ts'
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'

interface Said {
  readonly about: string
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  readonly mend: string | null
}

const DAY_SECONDS = 86_400

describe('what mayfly doctor sees of the broker itself', () => {
  let folder: TemporaryFolder
  let config: string
  beforeEach(async () => {
    folder = await temporaryFolder()
    config = folder.at('mayfly.yaml')
  })
  afterEach(() => folder[Symbol.asyncDispose]())

  const configure = async (over: object = {}): Promise<void> =>
    writeFile(config, JSON.stringify({ ...settingsOf(await worldIn(folder.path)), ...over }, null, 2))
  /** A broker ran here, and has stopped in order. */
  async function ran(): Promise<void> {
    await using _ = await startTestBroker({ folder: folder.path })
  }
  async function doctor(...more: readonly string[]) {
    const { code, json, stderr } = await mayfly(['doctor', '--config', config, '--json', ...more])
    const said = json as readonly Said[]
    return { code, said, stderr, wrong: said.filter(({ ok }) => !ok) }
  }
  async function expectWell(): Promise<void> {
    const { code, wrong } = await doctor()
    expect(wrong).to.deep.equal([])
    expect(code).to.equal(0)
  }
  /** The one finding, of the one thing that is wrong. */
  async function expectOne(check: string, detail: RegExp): Promise<Said> {
    const { code, wrong } = await doctor()
    expect(wrong.map((each) => each.check)).to.deep.equal([check])
    expect(wrong[0]?.detail).to.match(detail)
    expect(wrong[0]?.mend).to.match(/\w/)
    expect(code).to.equal(1)
    return wrong[0]!
  }
  /** Runs what a mend says to run, word for word. */
  const follow = ({ mend }: Said): void => {
    const command = /Run: ([^,]+)/.exec(mend ?? '')?.[1]
    expect(command, mend ?? '').to.be.a('string')
    execFileSync('sh', ['-euc', command ?? ''])
  }

  it('is well before the first start, and makes nothing', async () => {
    await configure()
    const before = await readdir(folder.path)
    const { said } = await doctor()
    await expectWell()
    const broker = said.filter(({ about }) => about === 'broker')
    expect(broker.map(({ check }) => check)).to.deep.equal(['data-folder', 'seal-key', 'ledger'])
    for (const { detail } of broker) expect(detail).to.match(/first start/)
    expect(await readdir(folder.path)).to.deep.equal(before)
  })

  it('is well while a broker runs and after it has stopped, and nothing of it is changed', async () => {
    {
      await using _ = await startTestBroker({ folder: folder.path })
      await expectWell()
    }
    const before = (await readdir(folder.at('data'))).toSorted()
    await expectWell()
    expect((await readdir(folder.at('data'))).toSorted()).to.deep.equal(before)
    const { said } = await doctor()
    expect(said.filter(({ about }) => about === 'broker').map(({ check }) => check)).to.deep.equal(
      'data-folder disk seal-key signing-keys ledger clock'.split(' '),
    )
  })

  it('shows a table to people', async () => {
    await configure()
    const { stdout, stderr, code } = await mayfly(['doctor', '--config', config])
    expect(code).to.equal(0)
    expect(stdout).to.match(/^configuration\n {2}ok {4}configuration +\S+mayfly\.yaml is whole$/m)
    expect(stdout).to.match(/^broker\n {2}ok {4}data-folder /m)
    expect(stderr).to.match(/^Nothing is wrong: \d+ checks\.$/m)
  })

  it('names everything that is wrong in the configuration, each with its mend', async () => {
    await configure({ providers: [], sweep: { every: 'never' } })
    const { code, said, wrong } = await doctor()
    expect(code).to.equal(1)
    expect(wrong).to.have.length.above(1).and.to.deep.equal(said)
    for (const { about, detail, mend } of said) {
      expect([about, mend === null]).to.deep.equal(['configuration', false])
      expect(detail).to.match(/mayfly\.yaml:\d+:\d+: /)
    }
    expect((await mayfly(['doctor', '--config', folder.at('nothing')])).code).to.equal(2)
  })

  it('finds a data folder that others may use, and one that cannot be made', async () => {
    await ran()
    await chmod(folder.at('data'), 0o755)
    follow(await expectOne('data-folder', /Others than its owner .*0755/))
    await expectWell()
    await writeFile(folder.at('file'), '')
    const { wrong } = await doctor('--data', folder.at('file/data'))
    expect(wrong.map(({ check }) => check)).to.deep.equal(['data-folder'])
  })

  it('finds a seal key that others may read, one that is no key, and one that is gone', async () => {
    await ran()
    const key = folder.at('data/keys/seal.key')
    await chmod(key, 0o644)
    follow(await expectOne('seal-key', /others than its owner/))
    await expectWell()
    await rename(key, folder.at('kept'))
    await expectOne('seal-key', /is gone, and \d+ sealed keys need it/)
    await rename(folder.at('kept'), key)
    await expectWell()
    await configure({ keys: { seal_key_file: './seal.key' } })
    await writeFile(folder.at('seal.key'), 'no key', { mode: 0o600 })
    await expectOne('seal-key', /a seal key is 32 bytes/)
  })

  it('finds a signing key that another key has sealed', async () => {
    await ran()
    await configure({ keys: { seal_key_file: './seal.key' } })
    await writeFile(folder.at('seal.key'), 'ab'.repeat(32), { mode: 0o600 })
    const { mend } = await expectOne('signing-keys', /keys\/\S+\.json: the sealed key/)
    expect(mend).to.match(/Restore it from a backup/)
  })

  it('finds a clock that was set back, and one that has gone on for long', async () => {
    await ran()
    const written = async (seconds: number): Promise<void> => {
      const at = Date.now() / 1000 + seconds
      for (const name of await readdir(folder.at('data'))) await utimes(folder.at(join('data', name)), at, at)
    }
    await written(120)
    expect((await expectOne('clock', /nothing is minted until then/)).mend).to.include('mayfly clock accept')
    await written(-8 * DAY_SECONDS)
    expect((await expectOne('clock', /last written/)).mend).to.include('mayfly clock accept')
    await written(-DAY_SECONDS)
    await expectWell()
  })

  it('finds a ledger of a newer Mayfly, one that is none, and a restore that was cut off', async () => {
    await ran()
    const file = folder.at('data/mayfly.db')
    const schema = (version: number): void => {
      const db = new Database(file)
      db.pragma(`user_version = ${version}`)
      db.close()
    }
    schema(99)
    await expectOne('ledger', /has schema 99/)
    await rm(file)
    await writeFile(file, 'something else entirely'.repeat(10))
    await expectOne('ledger', /is no ledger/)
    await rm(file)
    await mkdir(folder.at('data/restoring'))
    await writeFile(folder.at('data/restoring/mayfly.db'), '')
    await expectOne('ledger', /restore .* was not finished/)
    expect((await stat(folder.at('data/restoring/mayfly.db'))).size).to.equal(0)
  })
})
