import { readFile, stat, writeFile } from 'node:fs/promises'
import { expect } from 'chai'

import { exportAudit } from '../../src/cli/export-audit.ts'
import { createClient } from '../../src/client/create-client.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { linesOf, mayfly, type Setting } from './support/mayfly.ts'

describe('mayfly audit', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
    for (let n = 0; n < 3; n += 1) await broker.request({ task: `run-${n}` })
    await broker.request({ intent: { goal: 'No', purpose: 'deny' } })
  })
  after(() => broker[Symbol.asyncDispose]())

  const asViewer = (over: Setting = {}): Setting => ({
    ...over,
    env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator('viewer') },
    cwd: broker.folder,
  })

  describe('tail', () => {
    it('shows the last records of all streams in the order of their time', async () => {
      const ran = await mayfly(['audit', 'tail', '--last', '7', '--no-follow', '--json'], asViewer())
      const records = linesOf(ran.stdout)
      expect(records.map(({ time }) => time)).to.deep.equal(records.map(({ time }) => time).sort())
      expect(records.map(({ kind }) => kind)).to.deep.equal([
        ...['lease.granted', 'credential.minted', 'lease.granted', 'credential.minted'],
        ...['lease.granted', 'credential.minted', 'lease.denied'],
      ])
      const denied = await mayfly(['audit', 'tail', '--stream', 'denied', '--no-follow'], asViewer())
      expect(denied.stdout).to.match(
        /^\S+Z {2}lease\.denied {8}agent support-bot {2}task run-1 {2}It was asked to deny\n$/,
      )
    })

    it('goes on with each record as it is written, until it is interrupted', async () => {
      const interrupt = new AbortController()
      const kinds: string[] = []
      const heard = (text: string): void => {
        kinds.push(...linesOf(text).map(({ kind }) => kind as string))
        if (kinds.length === 1) void broker.request()
        if (kinds.includes('credential.minted')) interrupt.abort()
      }
      const args = ['audit', 'tail', '--last', '1', '--json']
      const ran = await mayfly(args, asViewer({ heard, interrupted: interrupt.signal }))
      expect(ran.code).to.equal(0)
      expect(kinds).to.deep.equal(['lease.denied', 'lease.granted', 'credential.minted'])
    })
  })

  describe('export', () => {
    it('writes what `audit verify` proves whole', async () => {
      const ran = await mayfly(['audit', 'export'], asViewer())
      const lines = linesOf(ran.stdout)
      expect(lines.map((line) => Object.keys(line)[0])).to.deep.equal([
        ...lines.slice(0, -2).map(() => 'record'),
        'checkpoint',
        'keys',
      ])
      const order = lines.slice(0, -2).map(({ record }) => `${record.stream} ${String(record.seq).padStart(6, '0')}`)
      expect(order).to.deep.equal([...order].sort())
      await writeFile(`${broker.folder}/export.ndjson`, ran.stdout)
      const verified = await mayfly(['audit', 'verify', 'export.ndjson'], asViewer())
      expect([verified.code, verified.stderr]).to.deep.equal([0, ''])
    })

    it('is found out where it was changed', async () => {
      const { stdout } = await mayfly(['audit', 'export'], asViewer())
      await writeFile(`${broker.folder}/changed.ndjson`, stdout.replace('run-1', 'run-9'))
      expect((await mayfly(['audit', 'verify', 'changed.ndjson'], asViewer())).code).to.equal(1)
      const cut = stdout.split('\n').filter((line) => !line.includes('"lease.denied"'))
      await writeFile(`${broker.folder}/cut.ndjson`, cut.join('\n'))
      expect((await mayfly(['audit', 'verify', 'cut.ndjson'], asViewer())).code).to.equal(1)
    })

    it('is whole too where records are written meanwhile', async () => {
      const later = createClient({ url: broker.url, token: broker.operator('viewer') })
      const hurried = createClient({
        url: broker.url,
        token: broker.operator('viewer'),
        fetch: async (url, init) => {
          const answer = await fetch(url, init)
          if (url.endsWith('/checkpoint')) await broker.request({ task: 'run-meanwhile' })
          return answer
        },
      })
      const lines: string[] = []
      for await (const line of exportAudit(hurried, new AbortController().signal)) lines.push(line)
      expect(lines.join('')).not.to.contain('run-meanwhile')
      await writeFile(`${broker.folder}/meanwhile.ndjson`, lines.join(''))
      expect((await mayfly(['audit', 'verify', 'meanwhile.ndjson'], asViewer())).code).to.equal(0)
      // With the checkpoint taken last it would not be.
      const [keys = ''] = lines.splice(-2).slice(1)
      lines.push(JSON.stringify({ checkpoint: await later.audit.checkpoint() }), '\n', keys)
      await writeFile(`${broker.folder}/too-late.ndjson`, lines.join(''))
      expect((await mayfly(['audit', 'verify', 'too-late.ndjson'], asViewer())).code).to.equal(1)
    })

    it('goes to a new file that others cannot read, or nowhere', async () => {
      const args = ['audit', 'export', '--out', 'kept.ndjson']
      expect((await mayfly(args, asViewer())).code).to.equal(0)
      const path = `${broker.folder}/kept.ndjson`
      expect((await stat(path)).mode & 0o777).to.equal(0o600)
      const before = await readFile(path, 'utf8')
      const again = await mayfly(args, asViewer())
      expect(again.code).to.equal(2)
      expect(again.stderr).to.equal(
        `${path} cannot be written (EEXIST).\nName a file that is not there yet, in a folder that you may write to.\n`,
      )
      expect(await readFile(path, 'utf8')).to.equal(before)
    })
  })
})
