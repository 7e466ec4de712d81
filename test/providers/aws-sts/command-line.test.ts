import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { awsCommandLine, ministackOfSuite, type CommandLine } from '../../support/backends/ministack.ts'
import { skipBecause } from '../../support/skip-because.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { ROLE } from './support/aws-account.ts'
import { startAwsWorld } from './support/aws-world.ts'
import { keyOf, orderOf } from './support/orders.ts'

describe("an agent's aws command line", () => {
  const ministack = ministackOfSuite()
  let aws: CommandLine

  before(function () {
    aws = awsCommandLine() ?? skipBecause(this, 'there is no aws command line: run scripts/backends install awscli')
  })

  it('works with a session until it is taken back, and does nothing else with it', async function () {
    this.timeout(60_000)
    await using world = await startAwsWorld(ministack())
    await using folder = await temporaryFolder()
    const order = orderOf(world.clock())
    const plan = world.provider.plan(order)
    if (!plan.ok) return expect.fail(plan.error.detail)
    const minted = await world.provider.mint(order, plan.value, () => Promise.resolve(), AbortSignal.timeout(5_000))
    // The way in which programs get credentials from another: what the API hands out is what it has to print.
    const handed = folder.at('handed-out.json')
    await writeFile(handed, JSON.stringify({ Version: 1, ...keyOf(minted) }))
    await writeFile(folder.at('config'), `[profile agent]\nregion = us-east-1\ncredential_process = cat ${handed}\n`)
    const run = async (...args: readonly string[]): Promise<string> => {
      const env = {
        ...aws.env,
        PATH: process.env['PATH'],
        HOME: folder.path,
        AWS_CONFIG_FILE: folder.at('config'),
        AWS_SHARED_CREDENTIALS_FILE: folder.at('none'),
        AWS_PROFILE: 'agent',
        AWS_ENDPOINT_URL: ministack().url,
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_MAX_ATTEMPTS: '1',
      }
      const done = promisify(execFile)(aws.command, [...aws.args, ...args], { env, timeout: 30_000 })
      return await done.then(
        ({ stdout }) => stdout,
        (error: unknown) => (error as { readonly stderr: string }).stderr,
      )
    }
    const read = (key: string): Promise<string> => run('s3', 'cp', `s3://orders/${key}`, '-')

    expect(await run('sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text')).to.match(
      new RegExp(`assumed-role/${ROLE}/${order.credential}`),
    )
    const [own, other] = await Promise.all([read('1234/note.txt'), read('9999/note.txt')])
    expect(own).to.equal('order 1234')
    expect(other).to.match(/Forbidden|AccessDenied/)

    const { handle, target, notAfter } = plan.value
    const what = { handle, target, notAfter, grant: order.grant.name, recorded: null, issuedAt: order.now }
    expect((await world.provider.revoke(what, AbortSignal.timeout(9_000))).class).to.equal('revoked')
    expect(await read('1234/note.txt')).to.match(/Forbidden|AccessDenied/)
  })
})
