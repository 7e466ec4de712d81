import Database from 'better-sqlite3'
import { expect } from 'chai'
import { chmod, copyFile, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { makeBackup } from '../../../src/local/backup/make-backup.ts'
import { restoreBackup } from '../../../src/local/backup/restore-backup.ts'
import { createSealer } from '../../../src/store/keys/sealer.ts'
import { loadSealKey } from '../../../src/store/keys/load-seal-key.ts'
import { readBackup } from '../../../src/store/sqlite/backup-file.ts'
import { readAudit } from '../../support/audit.ts'
import { startTestBroker, type TestBroker } from '../../support/broker.ts'
import { later } from '../../support/later.ts'
import { brokenChains, readLedger } from '../../support/ledger-file.ts'
import { acknowledge, beginRecovery, recoveryOf } from '../../support/recovery.ts'
import { newSealer } from '../../store/keys/support/ring.ts'

const NOW = Date.parse('2027-03-01T12:00:00Z')

const dataOf = ({ folder }: Pick<TestBroker, 'folder'>): string => join(folder, 'data')
const sealerOf = async (broker: Pick<TestBroker, 'folder'>) =>
  createSealer((await loadSealKey({ from: 'data-folder' }, join(dataOf(broker), 'keys'))).key)
const backUp = async (broker: Pick<TestBroker, 'folder'>, file = join(broker.folder, 'a.backup')) => {
  const made = await makeBackup({ dataDir: dataOf(broker), file, sealer: await sealerOf(broker), now: NOW })
  if (!made.ok) throw new Error(`${made.error.cause} ${made.error.mend}`)
  return { file, ...made.value }
}
const rotate = (broker: TestBroker) => broker.call('POST', '/v1/keys/rotate', { token: broker.operator('admin') })

describe('a backup', () => {
  it('is one file of the whole ledger and its sealed keys, for its owner only, with the seal key nowhere in it', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const made = await backUp(broker)
    expect((await stat(made.file)).mode & 0o777).to.equal(0o600)
    expect(made).to.include({ madeAt: NOW, openLeases: 1, bytes: (await stat(made.file)).size })
    expect(made.records).to.include({ approved: 2 })
    const names = (await readdir(join(dataOf(broker), 'keys'))).filter((name) => name.endsWith('.json'))
    expect(made.keys.map(({ name }) => name)).to.deep.equal(names.toSorted())
    expect((await readdir(broker.folder)).filter((name) => name.includes('backup'))).to.deep.equal(['a.backup'])
    const bytes = await readFile(made.file, 'latin1')
    const seal = (await readFile(join(dataOf(broker), 'keys', 'seal.key'), 'utf8')).trim()
    for (const secret of [seal, Buffer.from(seal, 'base64').toString('latin1'), lease.token, broker.operator('admin')])
      expect(bytes).to.not.include(secret)
    expect(bytes, 'a control').to.include(lease.id)
  })

  it('is of one moment, while the broker goes on granting, rotating and revoking', async () => {
    await using broker = await startTestBroker({
      configure: (settings) => ({
        ...settings,
        limits: { leases_per_agent: 5000, lease_requests_per_minute: 100_000 },
      }),
    })
    let [over, number] = [false, 0]
    const agent = async (): Promise<void> => {
      while (!over) {
        number += 1
        const { body } = await broker.request({ task: `run-${number}` })
        if (number % 3 === 0)
          await broker.call('POST', `/v1/leases/${body.id}/complete`, {
            token: body.token,
            body: { outcome: 'success' },
          })
        if (number % 40 === 0) await rotate(broker)
      }
    }
    const agents = Array.from({ length: 4 }, agent)
    const files: string[] = []
    for (let at = 0; at < 10; at += 1) {
      const before = number
      files.push((await backUp(broker, join(broker.folder, `${at}.backup`))).file)
      while (number < before + 20) await new Promise((resolve) => setImmediate(resolve))
    }
    over = true
    await Promise.all(agents)
    for (const [at, file] of files.entries()) {
      const folder = join(broker.folder, `look-${at}`)
      await mkdir(join(folder, 'data'), { recursive: true })
      await copyFile(file, join(folder, 'data', 'mayfly.db'))
      const ledger = readLedger(folder)
      expect(brokenChains(ledger)).to.deep.equal([])
      // Every granted lease has its record and its credential, whatever came after it.
      const granted = ledger.audit.filter(({ record }) => record.includes('"kind":"lease.granted"'))
      expect(granted).to.have.length(ledger.leases.size)
      for (const { lease } of ledger.credentials.values()) expect(ledger.leases.has(lease)).to.equal(true)
    }
    const sizes = files.map((file) => readBackup(file).records['approved'] ?? 0)
    expect(sizes).to.deep.equal(sizes.toSorted((a, b) => a - b))
    expect(new Set(sizes).size).to.be.greaterThan(5)
  })

  it('is never written over anything, and leaves nothing behind where it fails', async () => {
    await using broker = await startTestBroker()
    const order = { dataDir: dataOf(broker), sealer: await sealerOf(broker), now: NOW }
    const file = join(broker.folder, 'precious')
    await writeFile(file, 'precious')
    const taken = await makeBackup({ ...order, file })
    expect(!taken.ok && taken.error.cause).to.equal(`${file} is there already.`)
    expect(await readFile(file, 'utf8')).to.equal('precious')
    const nowhere = await makeBackup({ ...order, file: join(broker.folder, 'no/such/folder') })
    expect(!nowhere.ok && nowhere.error.cause).to.match(/cannot be written \(ENOENT\)/)
    const empty = await makeBackup({ ...order, dataDir: broker.folder, file: join(broker.folder, 'b') })
    expect(!empty.ok && empty.error.cause).to.equal(`There is no ledger in ${broker.folder}.`)
    const before = await readdir(broker.folder)
    const wrongKey = await makeBackup({ ...order, sealer: newSealer(), file: join(broker.folder, 'b') }).catch(String)
    expect(wrongKey).to.match(/KeyFault: .*does not open/)
    expect(await readdir(broker.folder)).to.deep.equal(before)
  })

  it('is refused where a key is missing that its ledger knows', async () => {
    await using broker = await startTestBroker()
    const [name = ''] = (await readdir(join(dataOf(broker), 'keys'))).filter((each) => each.startsWith('access'))
    await rm(join(dataOf(broker), 'keys', name))
    const failure: unknown = await backUp(broker).catch(String)
    expect(failure).to.match(/NotABackup: lacks 1 signing keys that its ledger knows/)
  })
})

describe('a restore', () => {
  /** A broker that went on after its backup: one more lease, another key, and the backed-up lease revoked. */
  async function world() {
    const broker = await startTestBroker()
    const { body: known } = await broker.request()
    const { file } = await backUp(broker)
    const { body: later_ } = await broker.request({ task: 'run-2' })
    await rotate(broker)
    const call = { token: broker.operator('operator'), body: { reason: 'It misbehaved' } }
    await broker.call('POST', `/v1/leases/${known.id}/revoke`, call)
    await broker.app[Symbol.asyncDispose]()
    const data = dataOf(broker)
    const kept = join(broker.folder, 'kept')
    await cp(data, kept, { recursive: true })
    const sealer = await sealerOf(broker)
    /** As after the loss of a machine: only the seal key was kept elsewhere. */
    const lose = async (): Promise<void> => {
      await rm(data, { recursive: true })
      await mkdir(join(data, 'keys'), { recursive: true, mode: 0o700 })
      await copyFile(join(kept, 'keys', 'seal.key'), join(data, 'keys', 'seal.key'))
    }
    return {
      broker,
      file,
      data,
      known,
      unknown: later_,
      lose,
      restore: (over: Partial<Parameters<typeof restoreBackup>[0]> = {}) =>
        restoreBackup({ file, dataDir: data, sealer, replace: false, now: NOW, ...over }),
      start: () => startTestBroker({ folder: broker.folder }),
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    }
  }

  it('gives a broker that stands in recovery, in which nothing that was revoked since comes back to life', async () => {
    await using of = await world()
    await of.lose()
    const restored = await of.restore()
    expect(restored.ok && restored.value).to.include({ madeAt: NOW, openLeases: 1, movedTo: null })
    for (const name of ['mayfly.db', ...(await readdir(join(of.data, 'keys'))).map((each) => `keys/${each}`)])
      expect((await stat(join(of.data, name))).mode & 0o777, name).to.equal(0o600)
    expect((await stat(of.data)).mode & 0o777).to.equal(0o700)
    expect(await readdir(of.data)).not.to.include('restoring')

    await using broker = await of.start()
    const recovery = await recoveryOf(broker)
    expect(recovery).to.deep.include({ state: 'waiting', cause: 'restored' })
    expect(recovery.detail).to.equal('its ledger was restored from the backup of 2027-03-01T12:00:00.000Z')
    expect((await broker.request({ task: 'run-3' })).status).to.equal(503)
    const fetch = await broker.call('POST', `/v1/leases/${of.known.id}/credentials`, {
      token: of.known.token,
      body: { grant: 'refunds-api' },
    })
    expect(fetch.status).to.equal(503)
    const viewer = { token: broker.operator('viewer') }
    expect((await broker.call('GET', `/v1/leases/${of.unknown.id}`, viewer)).status).to.equal(404)

    await beginRecovery(broker)
    expect((await acknowledge(broker)).status).to.equal(200)
    expect((await broker.call('GET', `/v1/leases/${of.known.id}`, viewer)).body.state).to.equal('closed')
    expect((await broker.request({ task: 'run-3' })).status).to.equal(201)
    expect(await readAudit(broker, 'operations')).to.have.length.above(5)
  })

  it('is known for one however the file came there', async () => {
    await using of = await world()
    for (const name of ['mayfly.db-wal', 'mayfly.db-shm', 'checkpoint']) await rm(join(of.data, name), { force: true })
    await copyFile(of.file, join(of.data, 'mayfly.db'))
    await using broker = await of.start()
    expect(await recoveryOf(broker)).to.include({ state: 'waiting', cause: 'restored' })
  })

  it('is refused while a broker runs on the folder', async () => {
    await using of = await world()
    await using running = await of.start()
    const refused = await of.restore({ replace: true })
    expect(!refused.ok && refused.error.cause).to.equal(`A broker runs on ${of.data}.`)
    expect((await recoveryOf(running)).state).to.equal('none')
  })

  it('is refused where a ledger lies, and moves it aside where it is told to and it is the same one', async () => {
    await using of = await world()
    const before = await readdir(of.data)
    const refused = await of.restore()
    expect(!refused.ok && refused.error.cause).to.match(/^.* is not empty: it holds /)
    expect(!refused.ok && refused.error.mend).to.match(/--replace/)
    expect(await readdir(of.data)).to.deep.equal(before)

    const replaced = await of.restore({ replace: true })
    if (!replaced.ok) throw new Error(replaced.error.cause)
    const aside = join(of.data, replaced.value.movedTo ?? '')
    expect(await readdir(aside)).to.include.members(['mayfly.db', 'keys', 'checkpoint'])
    const old = new Database(join(aside, 'mayfly.db'), { readonly: true })
    expect(old.prepare('select count(*) from lease').pluck().get()).to.equal(2)
    old.close()
    expect(await readdir(join(aside, 'keys')), 'keys of after the backup as well').to.have.length.above(4)
    expect((await readdir(join(of.data, 'keys'))).filter((name) => name.endsWith('.json'))).to.have.length(4)
    await using broker = await of.start()
    expect((await recoveryOf(broker)).cause).to.equal('restored')
  })

  it('is refused over the ledger of another broker, whatever it is told', async () => {
    await using of = await world()
    await using other = await startTestBroker()
    await other.app[Symbol.asyncDispose]()
    const before = await readdir(dataOf(other), { recursive: true })
    const refused = await of.restore({ dataDir: dataOf(other), replace: true })
    expect(!refused.ok && refused.error.mend).to.match(/^It is not the ledger that the backup was made of/)
    expect(await readdir(dataOf(other), { recursive: true })).to.deep.equal(before)
  })

  it("is refused into somebody's folder, and does not touch it", async () => {
    await using of = await world()
    const home = join(of.broker.folder, 'home')
    await mkdir(home, { mode: 0o755 })
    await writeFile(join(home, 'thesis.txt'), 'x')
    const refused = await of.restore({ dataDir: home, replace: true })
    expect(!refused.ok && refused.error.cause).to.equal(`${home} is not empty: it holds thesis.txt.`)
    expect(await readdir(home)).to.deep.equal(['thesis.txt'])
    expect((await stat(home)).mode & 0o777).to.equal(0o755)
  })

  it('is refused with another seal key, before anything is put in place', async () => {
    await using of = await world()
    await of.lose()
    const before = await readdir(of.data, { recursive: true })
    const refused = await of.restore({ sealer: newSealer() })
    expect(!refused.ok && refused.error.cause).to.match(/do not open with this seal key/)
    expect(await readdir(of.data, { recursive: true })).to.deep.equal(before)
  })

  const spoilt: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
    'breaks off': (file) => truncate(file, 20_000),
    'is empty': (file) => truncate(file, 0),
    'is no database': (file) => writeFile(file, 'Dear diary'),
    'is the ledger of a broker': async (file) => copyFile(join(file, '../kept/mayfly.db'), file),
    'has a damaged page': async (file) => {
      const bytes = await readFile(file)
      await writeFile(file, bytes.fill(0xff, 8_192, 12_288))
    },
    'has a later schema': async (file) => {
      await chmod(file, 0o600)
      const db = new Database(file)
      db.pragma('user_version = 99')
      db.close()
    },
  }
  for (const [what, spoil] of Object.entries(spoilt)) {
    it(`is refused where the file ${what}`, async () => {
      await using of = await world()
      await of.lose()
      await spoil(of.file)
      const refused = await of.restore()
      expect(!refused.ok && refused.error.cause).to.match(/is not a backup of this Mayfly|is damaged|has schema 99/)
      expect(await readdir(of.data)).to.deep.equal(['keys'])
    })
  }
  it('is refused where there is no file', async () => {
    await using of = await world()
    const refused = await of.restore({ file: join(of.broker.folder, 'nothing') })
    expect(!refused.ok && refused.error.cause).to.match(/is not a backup of this Mayfly/)
  })

  it('that was cut off keeps a broker from starting, and goes on where it was', async () => {
    await using of = await world()
    await of.lose()
    expect((await of.restore()).ok).to.equal(true)
    // As a kill leaves it before the last step: keys in place, the ledger not.
    await mkdir(join(of.data, 'restoring'))
    await cp(join(of.data, 'mayfly.db'), join(of.data, 'restoring', 'mayfly.db'))
    await rm(join(of.data, 'mayfly.db'))
    const failure: unknown = await of.start().then(
      () => 'it started',
      (error: unknown) => (error as Error).message,
    )
    expect(failure).to.match(/A restore into .* was not finished\. Run the same mayfly restore again/)
    expect((await of.restore()).ok).to.equal(true)
    await using broker = await of.start()
    expect((await recoveryOf(broker)).cause).to.equal('restored')
  })

  it('that was cut off after its last step is one, and its leavings go with the start', async () => {
    await using of = await world()
    await of.lose()
    await of.restore()
    await mkdir(join(of.data, 'restoring', 'keys'), { recursive: true })
    await using broker = await of.start()
    expect((await recoveryOf(broker)).cause).to.equal('restored')
    expect(await readdir(of.data)).not.to.include('restoring')
  })
})

describe('a backup of a broker that was restored', () => {
  it('is one like any other', async () => {
    await using broker = await startTestBroker()
    await beginRecovery(broker)
    const { file } = await backUp(broker)
    await acknowledge(broker)
    await later(broker, 1)
    const second = await backUp(broker, `${file}.2`)
    for (const each of [file, second.file]) {
      const db = new Database(each, { readonly: true })
      const { cause, begun } = JSON.parse(
        String(db.prepare("select value from meta where name = 'recovery'").pluck().get()),
      )
      db.close()
      expect([cause, begun]).to.deep.equal(['restored', null])
    }
  })
})
