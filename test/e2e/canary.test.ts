import { expect } from 'chai'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fault, FaultProxy, SeenRequest } from '../support/backends/fault-proxy.ts'
import { STREAMS } from '../support/audit.ts'
import { ORDINARY, type Answered } from '../support/broker.ts'
import { startBrokerProcess, type ProcessBroker } from '../support/broker-process.ts'
import { filesUnder, place, placesOf, type Place } from '../support/find-secrets.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'
import { ROLE_ARN } from '../providers/aws-sts/support/aws-account.ts'
import { killWorld, type KillWorld } from './support/kill-world.ts'
import { ALL_ACCESS, upstreamsOfSuite } from './support/real-upstreams.ts'

/** What an upstream is asked for: its action at AWS, its path at a Vault. */
const wordOf = ({ path, body }: SeenRequest): string => /Action=(\w+)/.exec(body)?.[1] ?? path
const timesOf = (proxy: FaultProxy, word: string): number =>
  proxy.exchanges.filter(({ request }) => wordOf(request) === word).length

/** An upstream that echoes what it was sent and what it knows is the worst that an error could be made of. */
function faultsAt(proxy: FaultProxy, secret: string): readonly Fault[] {
  const { request, answer } = proxy.exchanges.at(-1) ?? {}
  const echo = `${JSON.stringify(request)} ${answer?.body ?? ''} ${secret}`
  return [
    { kind: 'half-answer' },
    { kind: 'answer', status: 400, body: JSON.stringify({ errors: [echo], Code: echo }) },
    { kind: 'answer', status: 500, body: `<ErrorResponse><Error><Code>${echo}</Code></Error></ErrorResponse>` },
    { kind: 'answer', status: 200, body: JSON.stringify({ auth: { client_token: echo }, data: echo }) },
  ]
}

interface Living {
  readonly world: KillWorld
  readonly broker: ProcessBroker
  readonly lent: Answered[]
  readonly heard: Answered[]
}

describe('the secrets of real upstreams', function () {
  this.timeout(120_000)
  const upstreams = upstreamsOfSuite()

  /** A lease from its beginning to its end. What agents were given goes to `lent`, what else was answered to `heard`. */
  async function live({ world, broker, lent, heard }: Living, access: readonly object[]): Promise<void> {
    const body = { ...ORDINARY, access: [...ORDINARY.access, ...access], task: `run-${lent.length + heard.length}` }
    const asked = await broker.call('POST', '/v1/leases', { token: world.identity(), body })
    if (asked.status !== 201) return void heard.push(asked)
    lent.push(asked)
    const [path, token] = [`/v1/leases/${asked.body.id}`, asked.body.token as string]
    heard.push(await broker.call('POST', `${path}/credentials`, { token, body: { grant: 'refunds-api' } }))
    heard.push(await broker.call('POST', `${path}/complete`, { token, body: { outcome: 'success' } }))
    heard.push(await broker.call('GET', path, { token }))
  }

  /** Every secret that went over a wire, and those that the broker itself logs in with. */
  async function secretsOf(world: KillWorld, lent: readonly Answered[]): Promise<readonly string[]> {
    const { folder } = upstreams().vault
    const files = (await readdir(folder.path)).filter((name) => name.startsWith('secret-'))
    const secrets = new Set(
      await Promise.all(files.map(async (name) => (await readFile(folder.at(name), 'utf8')).trim())),
    )
    for (const { request, answer } of [...world.toVault.exchanges, ...world.toAws.exchanges]) {
      const token = request.headers['x-vault-token']
      if (typeof token === 'string') secrets.add(token)
      const found = (answer?.body ?? '').matchAll(
        /"(?:client_token|password|accessor|lease_id)":"([^"]{16,})"|<(?:SecretAccessKey|SessionToken)>([^<]+)</g,
      )
      for (const [, quoted, tagged] of found) secrets.add(quoted ?? tagged ?? '')
    }
    for (const { body } of lent) secrets.add(body.token as string)
    return [...secrets]
  }

  it('are in no log, answer, metric, audit record, page of the database or crash report, whatever fails', async () => {
    await using world = await killWorld(upstreams(), ROLE_ARN)
    await using reports = await temporaryFolder()
    await using process = await startBrokerProcess({ reportsTo: reports.path })
    const broker = await world.startIn(process)
    const [lent, heard]: [Answered[], Answered[]] = [[], []]
    const living = { world, broker, lent, heard }
    await live(living, ALL_ACCESS)
    await broker.sweep()
    const { SecretAccessKey } = upstreams().account.brokerKey
    for (const proxy of [world.toVault, world.toAws]) {
      const words = [...new Set(proxy.exchanges.map(({ request }) => wordOf(request)))]
      expect(words, 'a control: each step of the way').to.have.length.above(proxy === world.toVault ? 6 : 3)
      // The login and the parent are of the first mint, and who the broker is AWS was asked once.
      for (const word of words.filter((each) => !/login|mayfly-parent|GetCallerIdentity/.test(each))) {
        // IAM is written to every other second at most.
        const faults = faultsAt(proxy, SecretAccessKey).slice(/RolePolicy/.test(word) ? 2 : 0)
        for (const fault of faults) {
          const before = timesOf(proxy, word)
          using _ = proxy.inject(fault, (request) => wordOf(request) === word)
          await live(living, proxy === world.toVault ? ALL_ACCESS.slice(0, 2) : ALL_ACCESS.slice(2))
          // An answer that broke off counts as an outage: until its next probe, nobody asks.
          await until(`${word} was asked`, async () => {
            if (timesOf(proxy, word) > before) return true
            await world.advance(broker, 16_000)
            await broker.sweep()
            return false
          })
        }
      }
    }
    await world.advance(broker, 3_600_000)
    await broker.sweep()
    expect(heard.map(({ status }) => status)).to.include.members([200, 409, 502])
    const token = world.operator('viewer')
    const lists = ['/metrics', '/v1/leases?limit=200', '/v1/credentials?limit=200', '/v1/audit/checkpoint']
    for (const path of [...lists, ...STREAMS.map((stream) => `/v1/audit/${stream}?limit=200`)])
      heard.push(await broker.call('GET', path, { token }))
    await process.crash()

    const crash = await filesUnder(reports.path)
    expect(crash, 'a report').to.have.length(1)
    const disk = (await filesUnder(join(world.folder, 'data'))).filter(({ name }) => name !== 'ballast')
    const places: readonly Place[] = [
      ...crash,
      ...disk,
      place('the log', process.log()),
      place('the answers', heard.map(({ body, headers }) => JSON.stringify([body, [...headers]])).join('\n')),
    ]
    const secrets = [...(await secretsOf(world, lent)), SecretAccessKey]
    expect(secrets, 'a control: there are many').to.have.length.above(150)
    expect(placesOf(secrets, places)).to.deep.equal([])

    const given = lent.map(({ body }) => place('what agents were given', JSON.stringify(body)))
    expect(placesOf(secrets, given), 'a control: there they are').to.have.length(lent.length)
    const found = placesOf(['database/creds/orders-ro'], places).join()
    expect(found, 'a control: what is no secret is found')
      .to.match(/mayfly\.db/)
      .and.include('the log')
  })
})
