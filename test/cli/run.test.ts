import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { spawnMayfly } from '../support/mayfly-process.ts'
import { until } from '../support/until.ts'

const LOOK_AROUND = [process.execPath, fileURLToPath(new URL('support/look-around.ts', import.meta.url))]

const READY_UNTIL_TERM = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done'

describe('mayfly run', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker({
      configure: ({ grants, agents, ...settings }) => ({
        ...settings,
        grants: [
          ...(grants as object[]),
          { name: 'team/mail', provider: 'tokens', audience: 'https://m.test', actions: ['mail:read'] },
        ],
        agents: (agents as { grants: string[] }[]).map((agent) => ({
          ...agent,
          grants: [...agent.grants, 'team/mail'],
        })),
      }),
    })
  })
  after(() => broker[Symbol.asyncDispose]())

  let tasks = 0
  const started = (
    command: readonly string[],
    options: readonly string[] = [],
    { url, identity, operator, folder }: TestBroker = broker,
  ) => {
    const task = `run-${(tasks += 1)}`
    const args = ['run', '--task', task, '--grant', 'refunds-api:refund:create', ...options, '--', ...command]
    const tokens = { MAYFLY_IDENTITY_TOKEN: identity(), MAYFLY_TOKEN: operator('viewer') }
    const process = spawnMayfly(args, { cwd: folder, env: { MAYFLY_URL: url, KEPT: 'as it was', ...tokens } })
    const { stdout, stderr } = process
    return {
      task,
      kill: process.kill,
      ended: process.ended.then(({ code }) => ({ code, stdout: stdout(), stderr: stderr() })),
      said: async (pattern: RegExp): Promise<RegExpExecArray> => {
        await until(`it says ${String(pattern)}`, () => pattern.test(stdout() + stderr()))
        return pattern.exec(stdout() + stderr())!
      },
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    }
  }
  const lease = async (task: string) => {
    const { body } = await broker.call('GET', `/v1/leases?task=${task}`, { token: broker.operator('viewer') })
    expect(body.items).to.have.length(1)
    return body.items[0]
  }

  it('gives the command its lease in files that nobody else reads, and nothing in arguments or environment', async () => {
    await using running = started([...LOOK_AROUND, '0', '--flag'], ['--grant', 'team/mail'])
    const { code, stdout, stderr } = await running.ended
    expect([code, stderr]).to.deep.equal([0, ''])
    const seen = JSON.parse(stdout)
    expect(seen.modes).to.deep.equal({
      '.': '700',
      'lease.json': '600',
      'lease-token': '600',
      credentials: '700',
      'credentials/refunds-api.json': '600',
      'credentials/refunds-api.token': '600',
      'credentials/team%2Fmail.json': '600',
      'credentials/team%2Fmail.token': '600',
    })
    const token = seen.texts['lease-token']
    const credential = JSON.parse(seen.texts['credentials/refunds-api.json'])
    expect(token).to.match(/^mfl_/)
    expect(seen.texts['credentials/refunds-api.token']).to.equal(credential.access_token)
    expect(JSON.parse(seen.texts['lease.json'])).to.include({ state: 'active', task: running.task })
    expect(seen.texts['lease.json']).not.to.contain(token).and.not.to.contain(credential.access_token)

    expect(seen.args).to.deep.equal(['0', '--flag'])
    const mine = Object.entries(seen.env).filter(([name]) => /^(MAYFLY_|KEPT)/.test(name))
    expect(Object.fromEntries(mine)).to.deep.equal({
      KEPT: 'as it was',
      MAYFLY_URL: broker.url,
      MAYFLY_LEASE_FILE: join(seen.folder, 'lease.json'),
      MAYFLY_TOKEN_FILE: join(seen.folder, 'lease-token'),
      MAYFLY_CREDENTIALS: join(seen.folder, 'credentials'),
    })
    expect(existsSync(seen.folder)).to.equal(false)
    expect(await lease(running.task)).to.include({ outcome: 'completed', reason: 'The command ended with exit code 0' })
  })

  it('ends as the command does, and completes the lease by that', async () => {
    await using running = started([...LOOK_AROUND, '7'])
    expect((await running.ended).code).to.equal(7)
    expect(await lease(running.task)).to.include({ outcome: 'failed', reason: 'The command ended with exit code 7' })
  })

  it('lets the command speak for its lease', async () => {
    const own = fileURLToPath(new URL('../../bin/mayfly.js', import.meta.url))
    await using running = started([...LOOK_AROUND.slice(0, 1), own, 'whoami', '--json'])
    const { stdout } = await running.ended
    expect(JSON.parse(stdout)).to.deep.equal({
      type: 'lease',
      id: (await lease(running.task)).id,
      agent: 'support-bot',
    })
  })

  it('completes the lease of a command that is killed', async () => {
    await using running = started(['sh', '-c', 'kill -9 $$'])
    expect((await running.ended).code).to.equal(137)
    expect(await lease(running.task)).to.include({ outcome: 'failed', reason: 'The command was ended by SIGKILL' })
  })

  for (const [signal, code] of [
    ['SIGTERM', 41],
    ['SIGINT', 42],
    ['SIGHUP', 43],
  ] as const) {
    it(`hands ${signal} on, and waits for what the command makes of it`, async () => {
      const traps =
        'trap "exit 41" TERM; trap "exit 42" INT; trap "exit 43" HUP; echo ready; while :; do sleep 0.05; done'
      await using running = started(['sh', '-c', traps])
      await running.said(/ready/)
      running.kill(signal)
      expect((await running.ended).code).to.equal(code)
      expect((await lease(running.task)).outcome).to.equal('failed')
    })
  }

  it('says that a command is not there, as shells do', async () => {
    await using running = started(['./not-there'])
    const { code, stderr } = await running.ended
    expect(code).to.equal(127)
    expect(stderr).to.equal(
      './not-there did not start (ENOENT).\nCheck that it is there, and that you may execute it.\n',
    )
    expect((await lease(running.task)).outcome).to.equal('failed')
  })

  it('starts nothing where the rules say no', async () => {
    await using running = started(['echo', 'started'], ['--purpose', 'deny'])
    const { code, stdout, stderr } = await running.ended
    expect([code, stdout]).to.deep.equal([4, ''])
    expect(stderr).to.contain('It was asked to deny')
  })

  it('waits for a person first', async () => {
    await using running = started(['echo', 'started'], ['--purpose', 'ask', '--intent', 'Pay it back'])
    const [, id] = await running.said(/approval review (apr_\w+)/)
    const { body } = await broker.call('GET', `/v1/approvals/${id}`, { token: broker.operator('viewer') })
    expect(body.subject.intent.goal).to.equal('Pay it back')
    const yes = { token: broker.operator('approver'), body: { digest: body.digest } }
    await broker.call('POST', `/v1/approvals/${id}/approve`, yes)
    const { code, stdout } = await running.ended
    expect([code, stdout]).to.deep.equal([0, 'started\n'])
    expect((await lease(running.task)).outcome).to.equal('completed')
  })

  it('takes the question back when it is stopped while it waits', async () => {
    await using running = started(['echo', 'started'], ['--purpose', 'ask'])
    await running.said(/approval review/)
    running.kill('SIGTERM')
    const { code, stdout, stderr } = await running.ended
    expect([code, stdout]).to.deep.equal([6, ''])
    expect(stderr).to.contain('The wait was broken off, so the request was taken back.')
    expect((await lease(running.task)).outcome).to.equal('cancelled')
  })

  it('says when the lease ended before the command did', async () => {
    await using running = started(['sh', '-c', READY_UNTIL_TERM])
    await running.said(/ready/)
    const { id } = await lease(running.task)
    await broker.call('POST', `/v1/leases/${id}/revoke`, {
      token: broker.operator('operator'),
      body: { reason: 'Enough' },
    })
    running.kill('SIGTERM')
    const { code, stderr } = await running.ended
    expect(code).to.equal(0)
    expect(stderr).to.equal('The lease had ended before the command did. The lease is closed (revoked).\n')
  })

  it('ends as the command does where the broker is gone', async () => {
    const other = await startTestBroker()
    await using running = started(['sh', '-c', READY_UNTIL_TERM], [], other)
    await running.said(/ready/)
    await other[Symbol.asyncDispose]()
    running.kill('SIGTERM')
    const { code, stderr } = await running.ended
    expect(code).to.equal(0)
    expect(stderr).to.match(/^The lease lse_\w+ was not completed: No connection .*\. It ends by itself at \S+Z\.\n$/)
  })

  it('tells people the command, and not its arguments, where nobody said what it is for', async () => {
    await using running = started(['/bin/echo', 'canary'])
    await running.ended
    const { id } = await lease(running.task)
    const { body } = await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })
    expect(body.intent.goal).to.equal('Run echo')
    expect(JSON.stringify(body)).not.to.contain('canary')
  })
})
