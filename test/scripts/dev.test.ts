import { expect } from 'chai'
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runMayfly, runShell, startMayfly, type RunningBroker } from '../support/mayfly-process.ts'
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

const ANY_PORT = ['dev', '--listen', '127.0.0.1:0']

describe('mayfly dev', function () {
  this.timeout(30_000)

  let outer: TemporaryFolder
  let folder: string
  let broker: RunningBroker
  const inDev = (name: string): string => join(folder, '.mayfly', name)
  const read = (name: string): Promise<string> => readFile(inDev(name), 'utf8')

  before(async () => {
    outer = await temporaryFolder()
    folder = outer.at("it's a folder")
    await mkdir(folder)
    broker = await startMayfly(ANY_PORT, { cwd: folder })
    await until('it has said all', () => broker.stderr().includes('Ctrl-C stops it.'))
  })
  after(async () => {
    await broker[Symbol.asyncDispose]()
    await outer[Symbol.asyncDispose]()
  })

  it('writes a folder that only its owner can enter, with every secret in it for the owner alone', async () => {
    const modeOf = async (name: string) => ((await stat(inDev(name))).mode & 0o777).toString(8)
    expect(await readdir(inDev(''))).to.have.members([
      ...['.gitignore', 'data', 'demo', 'keys', 'mayfly.yaml', 'operator-token', 'owner-token', 'pep-token', 'rules'],
    ])
    expect(await modeOf('')).to.equal('700')
    expect(await modeOf('data')).to.equal('700')
    for (const secret of ['operator-token', 'owner-token', 'pep-token', 'keys/seal.key', 'demo/issuer.jwk'])
      expect(await modeOf(secret), secret).to.equal('600')
    expect(await read('.gitignore')).to.equal('*\n')
  })

  it('says on stdout where it listens, and nothing else', () => {
    expect(broker.stdout()).to.equal(`${JSON.stringify({ event: 'listening', url: broker.url })}\n`)
    expect(broker.stderr()).to.include(`Mayfly listens on ${broker.url}`)
  })

  it('makes identities for its agent', async () => {
    const made = await runMayfly(['dev', 'identity', 'demo-agent', '--ttl', '60'], { cwd: folder })
    expect({ code: made.code, stderr: made.stderr }).to.deep.equal({ code: 0, stderr: '' })
    const claims = JSON.parse(Buffer.from(made.stdout.split('.')[1] ?? '', 'base64url').toString())
    expect(claims).to.include({ sub: 'demo-agent', aud: 'mayfly' })
    expect(claims.exp - claims.iat).to.equal(60)
  })

  it('says where there is nobody to make an identity', async () => {
    const nobody = await runMayfly(['dev', 'identity', 'demo-agent'], { cwd: outer.path })
    expect(nobody.code).to.equal(1)
    expect(nobody.stdout).to.equal('')
    expect(nobody.stderr).to.match(/^There is no development broker in .*\n.*mayfly dev/)
  })

  it('grants the request that it wrote, over plain HTTP', async () => {
    const { stdout: identity } = await runMayfly(['dev', 'identity'], { cwd: folder })
    const granted = await fetch(`${broker.url}/v1/leases`, {
      method: 'POST',
      headers: { authorization: `Bearer ${identity.trim()}`, 'content-type': 'application/json' },
      body: await read('demo/lease.json'),
    })
    expect(granted.status).to.equal(201)
  })

  it('prints commands that work when they are pasted, whatever the folder is called', async () => {
    const pasted = broker.stderr().match(/^ {2}(cd|export|MAYFLY_).*$/gm) ?? []
    expect(pasted).to.have.length(4)
    const { code, stdout, stderr } = await runShell(pasted.join('\n'), { cwd: outer.path })
    expect(code, stderr).to.equal(0)
    expect(stdout)
      .to.match(/demo-agent/)
      .and.to.match(/try-1/)
  })

  it('gives up on a port that is taken, and says how to take another', async () => {
    await using another = await temporaryFolder()
    const { host } = new URL(broker.url)
    const late = await runMayfly(['dev', '--listen', host], { cwd: another.path })
    expect({ code: late.code, stdout: late.stdout }).to.deep.equal({ code: 1, stdout: '' })
    expect(late.stderr)
      .to.include(`The address is taken: ${host}.`)
      .and.to.match(/--listen 127\.0\.0\.1:PORT/)
  })

  it('gives up on a data folder that another broker works on', async () => {
    const second = await runMayfly(ANY_PORT, { cwd: folder })
    expect({ code: second.code, stdout: second.stdout }).to.deep.equal({ code: 1, stdout: '' })
    expect(second.stderr).to.match(/Another broker already runs on .*data\.\n.*--data/)
  })

  it('leaves a folder that it wrote before as it is', async () => {
    await using again = await temporaryFolder()
    const configuration = again.at('.mayfly/mayfly.yaml')
    const token = () => readFile(again.at('.mayfly/operator-token'), 'utf8')
    {
      await using _first = await startMayfly(ANY_PORT, { cwd: again.path })
    }
    const before = await token()
    await writeFile(configuration, `${await readFile(configuration, 'utf8')}# mine\n`)
    await using second = await startMayfly(ANY_PORT, { cwd: again.path })
    expect(await token()).to.equal(before)
    expect(await readFile(configuration, 'utf8')).to.match(/# mine\n$/)
    const whoami = await fetch(`${second.url}/v1/whoami`, { headers: { authorization: `Bearer ${before.trim()}` } })
    expect(whoami.status).to.equal(200)
  })
})
