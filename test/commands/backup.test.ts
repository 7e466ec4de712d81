import { expect } from 'chai'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { mayfly, type Ran } from '../cli/support/mayfly.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'

describe('mayfly backup and mayfly restore', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
    await broker.request()
  })
  after(() => broker[Symbol.asyncDispose]())

  const run = (...args: readonly string[]): Promise<Ran> => mayfly(args, { cwd: broker.folder })

  it('copy the ledger of a running broker, and say what the copy is worth', async () => {
    const made = await run('backup', 'one.backup', '--config', 'mayfly.yaml')
    expect(made.code).to.equal(0)
    const file = join(broker.folder, 'one.backup')
    expect(made.stdout).to.match(/one\.backup {2}20\d\d-.*Z: 4 signing keys, 1 open lease, \d+ audit records\n$/)
    expect(made.stderr).to.equal(
      `It was read through after it was written. The seal key (${join(broker.folder, 'data/keys/seal.key')}) is not in it: keep that elsewhere, without it the backup is worth nothing.\n`,
    )
    expect((await stat(file)).mode & 0o777).to.equal(0o600)
    const { json } = await run('backup', 'two.backup', '--data', 'data', '--json')
    expect(json).to.have.all.keys('file', 'made_at', 'bytes', 'keys', 'open_leases', 'records')
    expect(json).to.include({ file: join(broker.folder, 'two.backup'), keys: 4, open_leases: 1 })
  })

  it('overwrite nothing, and end with the cause and the mend', async () => {
    const again = await run('backup', 'one.backup', '--data', 'data')
    expect([again.code, again.stdout]).to.deep.equal([1, ''])
    expect(again.stderr).to.equal(
      `${join(broker.folder, 'one.backup')} is there already.\nName a file that is not: a backup is never overwritten.\n`,
    )
  })

  it('want to be told which broker is meant', async () => {
    for (const verb of ['backup', 'restore']) {
      const lost = await run(verb, 'x.backup')
      expect([lost.code, lost.stderr]).to.deep.equal([
        2,
        'Nothing says which broker is meant.\nName its configuration with --config, or its data folder with --data.\n',
      ])
    }
  })

  it('restore into an empty folder, and say what comes next', async () => {
    const restored = await run('restore', 'one.backup', '--data', 'elsewhere')
    expect(restored.code, restored.stderr).to.equal(0)
    expect(restored.stdout).to.match(/elsewhere {2}20\d\d-.*: 4 signing keys, 1 open lease, \d+ audit records\n$/)
    expect(restored.stderr).to.match(
      /^What was granted, revoked or frozen after 20.*Z is not in it\. Start the broker: it mints nothing until you have gone through `mayfly recover`\.\n$/,
    )
    const { json } = await run('restore', 'two.backup', '--data', 'third', '--json')
    expect(json).to.include({ data: join(broker.folder, 'third'), moved_to: null, keys: 4, open_leases: 1 })
  })

  it('leave a running broker, and a ledger that lies there, alone', async () => {
    const running = await run('restore', 'one.backup', '--config', 'mayfly.yaml', '--replace')
    expect([running.code, running.stderr]).to.deep.equal([
      1,
      `A broker runs on ${join(broker.folder, 'data')}.\nStop it, or restore into another folder with --data.\n`,
    ])
    const lying = await run('restore', 'one.backup', '--data', 'elsewhere')
    expect(lying.code).to.equal(1)
    expect(lying.stderr).to.match(/is not empty: it holds mayfly\.db.*\n.*--replace\.\n$/)
    const replaced = await run('restore', 'one.backup', '--data', 'elsewhere', '--replace', '--json')
    expect(replaced.code, replaced.stderr).to.equal(0)
    expect(await readdir(replaced.json.moved_to)).to.include('mayfly.db')
    expect(replaced.stderr).to.include(`What lay there is in ${replaced.json.moved_to}.\n`)
  })

  it('miss a seal key that is not there, and make none in its place', async () => {
    await mkdir(join(broker.folder, 'fresh'))
    const missing = await run('restore', 'one.backup', '--config', 'mayfly.yaml', '--data', 'fresh')
    expect([missing.code, missing.stderr]).to.deep.equal([
      1,
      `There is no seal key in ${join(broker.folder, 'fresh/keys/seal.key')}.\nPut the one there that the broker had, or name it as keys.seal_key_file.\n`,
    ])
    expect(await readdir(join(broker.folder, 'fresh'))).to.deep.equal([])
  })

  it('say why a place cannot be written', async () => {
    const full = await run('restore', 'one.backup', '--data', '/dev/null/data')
    expect([full.code, full.stderr]).to.deep.equal([
      1,
      'It could not be read or written (ENOTDIR).\nMake room, or run it as the user of the broker; then run it again.\n',
    ])
  })

  it('find a key that does not open, and leave no backup behind', async () => {
    const [name = ''] = (await readdir(join(broker.folder, 'data/keys'))).filter((each) => each.startsWith('access'))
    const file = join(broker.folder, 'data/keys', name)
    await rename(file, `${file}.kept`)
    const text = await readFile(`${file}.kept`, 'utf8')
    await writeFile(file, text.replace(/v1\.A?/, 'v1.B'), { mode: 0o600 })
    const failed = await run('backup', 'bad.backup', '--config', 'mayfly.yaml')
    await rm(file)
    await rename(`${file}.kept`, file)
    expect(failed.code).to.equal(1)
    expect(failed.stderr).to.match(/the sealed key does not open.*\nRestore it from a backup/s)
    expect(await readdir(broker.folder)).not.to.include('bad.backup')
  })
})
