import { chmod, writeFile } from 'node:fs/promises'
import { expect } from 'chai'

import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { mayfly } from './support/mayfly.ts'

describe('the token that a command shows', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
  })
  after(() => broker[Symbol.asyncDispose]())

  const whoami = (env: Readonly<Record<string, string>>) =>
    mayfly(['whoami', '--json'], { env: { MAYFLY_URL: broker.url, ...env }, cwd: broker.folder })
  const file = async (name: string, text: string, mode = 0o600): Promise<string> => {
    await writeFile(`${broker.folder}/${name}`, text)
    await chmod(`${broker.folder}/${name}`, mode)
    return name
  }

  it('is that of MAYFLY_TOKEN, or of the file that MAYFLY_TOKEN_FILE names', async () => {
    const token = broker.operator('viewer')
    const viewer = { type: 'operator', id: 'vic@example.com', role: 'viewer' }
    expect((await whoami({ MAYFLY_TOKEN: token })).json).to.deep.equal(viewer)
    expect((await whoami({ MAYFLY_TOKEN_FILE: await file('token', `${token}\n`) })).json).to.deep.equal(viewer)
  })

  it('is the identity where an agent speaks, even beside an operator token', async () => {
    const env = { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator('viewer') }
    const stdin = JSON.stringify(ORDINARY)
    const identity = await file('identity', broker.identity(), 0o644)
    const request = ['lease', 'request', '-', '--json']
    const ran = await mayfly(request, {
      env: { ...env, MAYFLY_IDENTITY_TOKEN_FILE: identity },
      stdin,
      cwd: broker.folder,
    })
    expect(ran.json.state).to.equal('active')
    expect((await mayfly(request, { env, stdin })).code).to.equal(4)
    expect((await whoami({ MAYFLY_IDENTITY_TOKEN_FILE: identity })).json.type).to.equal('agent')
  })

  it('is not read from a file that others may read', async () => {
    const ran = await whoami({ MAYFLY_TOKEN_FILE: await file('open', broker.operator('viewer'), 0o640) })
    expect(ran.code).to.equal(5)
    const path = `${broker.folder}/open`
    expect(ran.stderr).to.equal(
      `MAYFLY_TOKEN_FILE (${path}) can be read by others than its owner (mode 0640).\nRun: chmod 600 '${path}'\n`,
    )
  })

  it('is missed by name', async () => {
    const none = await whoami({ MAYFLY_TOKEN: '' })
    expect(none.code).to.equal(5)
    expect(none.stderr).to.equal(
      'There is no token to show to the broker.\nSet MAYFLY_TOKEN, or MAYFLY_TOKEN_FILE to a file that holds it.\nSee docs/problems.md#unauthenticated\n',
    )
    const gone = await whoami({ MAYFLY_TOKEN_FILE: 'gone' })
    expect(gone.code).to.equal(5)
    expect(gone.stderr).to.contain('/gone) cannot be read (ENOENT).\n')
  })

  it('is never said, whatever is wrong with it', async () => {
    for (const token of ['canary two', 'canary\u001b[2J', 'mfo_canarycanarycanarycanarycanary']) {
      const ran = await whoami({ MAYFLY_TOKEN: token })
      expect(ran.code).to.equal(5)
      expect(ran.stderr + ran.stdout).not.to.contain('canary')
    }
    const ran = await mayfly(['health'], { env: { MAYFLY_URL: 'http://ops:canary@127.0.0.1' } })
    expect(ran.code).to.equal(2)
    expect(ran.stderr).to.equal(
      'MAYFLY_URL is not the address of a broker. The url must not hold a user or password.\nWrite it as http://127.0.0.1:8700.\n',
    )
  })

  it('is not sent in the clear to another machine without a warning', async () => {
    const ran = await mayfly(['whoami'], { env: { MAYFLY_URL: 'http://broker.invalid', MAYFLY_TOKEN: 'mfo_x' } })
    expect(ran.code).to.equal(75)
    expect(ran.stderr).to.match(
      /^warning: MAYFLY_URL is http to another machine: whoever is in between can read your token\.\n/,
    )
  })
})
