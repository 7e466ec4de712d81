import { expect } from 'chai'

import { EXIT } from '../../src/cli/command-failed.ts'
import { PROBLEMS as TOLD } from '../../src/cli/failure-of.ts'
import { PROBLEM_SLUGS, PROBLEMS } from '../../src/http/problem.ts'
import { scriptedServer } from '../client/support/scripted-server.ts'
import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { mayfly } from './support/mayfly.ts'

const ID = `lse_${'0'.repeat(26)}`

/** running.md, by the statuses that it names. */
const PROMISED: Readonly<Record<number, number>> = {
  400: 2,
  401: 5,
  403: 4,
  404: 3,
  405: 1,
  409: 7,
  410: 7,
  413: 2,
  422: 7,
  429: 75,
  500: 1,
  502: 8,
  503: 75,
}

const problem = (slug: string, status: number, over: object = {}) => ({
  ...{ type: `urn:mayfly:problem:${slug}`, title: 'No', status, detail: 'It says no.', instance: 'request-1' },
  ...over,
})

async function answeredWith(status: number, body: string, headers: Readonly<Record<string, string>> = {}) {
  await using server = await scriptedServer((_req, res) => void res.writeHead(status, headers).end(body))
  return await mayfly(['lease', 'show', ID], { env: { MAYFLY_URL: server.url, MAYFLY_TOKEN: 'mfo_x' } })
}

describe('how a command ends', () => {
  for (const slug of PROBLEM_SLUGS) {
    const { status } = PROBLEMS[slug]
    // The one slug that has a code of its own beside its status.
    const code = slug === 'frozen' ? 9 : PROMISED[status]
    it(`is ${code} on ${slug} (${status}), with cause, mend and link`, async () => {
      const ran = await answeredWith(status, JSON.stringify(problem(slug, status)))
      expect(ran.code).to.equal(code)
      const [cause, mend, link, end] = ran.stderr.split('\n')
      expect(cause).to.equal(status >= 500 ? 'It says no. (request request-1)' : 'It says no.')
      expect(mend).to.equal(TOLD[slug].mend)
      expect(link).to.equal(`See docs/problems.md#${slug}`)
      expect(end).to.equal('')
      expect(ran.stdout).to.equal('')
    })
  }

  for (const [status, code] of Object.entries({ ...PROMISED, 405: 1, 413: 1, 418: 1, 504: 1 })) {
    it(`is ${code} on ${status} from something in between`, async () => {
      const ran = await answeredWith(Number(status), '<p>no</p>')
      expect(ran.code).to.equal(code)
      expect(ran.stderr).to.match(/^HTTP \d+ without a problem document: it does not come from the broker itself\.\n/)
    })
  }

  it('is that of its status where a newer broker says a no that is not known here', async () => {
    const ran = await answeredWith(403, JSON.stringify(problem('beheaded', 403, { hint: 'Bring your own head.' })))
    expect(ran.code).to.equal(4)
    expect(ran.stderr).to.equal('It says no.\nBring your own head.\n')
  })

  it('tells how long to wait', async () => {
    const ran = await answeredWith(429, JSON.stringify(problem('rate-limited', 429)), { 'retry-after': '7' })
    expect(ran.stderr).to.contain('\nTry again a little later. The broker says: in 7 s.\n')
  })

  it('lets nothing of an answer act on the terminal', async () => {
    const ran = await answeredWith(
      400,
      JSON.stringify(problem('invalid-request', 400, { detail: '\u001b[31mred\u202e' })),
    )
    expect(ran.stderr).to.match(/^\\u\{1b\}\[31mred\\u\{202e\}\n/)
  })

  it('is 75 where there is no connection, and 1 where something else answers', async () => {
    const { url, ...server } = await scriptedServer(() => undefined)
    await server[Symbol.asyncDispose]()
    const gone = await mayfly(['health'], { env: { MAYFLY_URL: url } })
    expect(gone.code).to.equal(75)
    expect(gone.stderr).to.equal(
      `No connection to ${url} (ECONNREFUSED).\nStart the broker, or set MAYFLY_URL to where it listens.\n`,
    )
    const other = await answeredWith(200, '<p>hello</p>')
    expect(other.code).to.equal(1)
    expect(other.stderr).to.match(
      /^This does not answer as Mayfly does: http:\S+\.\nSet MAYFLY_URL to the address of the broker\.\n$/,
    )
  })

  it('is 2 on a command line that is wrong', async () => {
    for (const args of [
      ['lease'],
      ['lease', 'show'],
      ['lease', 'list', '--state', 'odd'],
      ['lease', 'list', '--limit', '0'],
      ['lease', 'list', '--since', 'yesterday'],
      ['lease', 'revoke', ID],
      ['approval', 'deny', 'apr_1'],
      ['lease', 'request', '/nowhere.json'],
      ['lease', 'request', '-'],
      ['run', '--grant', 'refunds-api'],
      ['run', '--', 'true'],
      ['run', '--grant', 'refunds-api:', '--', 'true'],
      ['freeze'],
    ]) {
      const ran = await mayfly(args, { env: { MAYFLY_TOKEN: 'mfo_x' }, stdin: '{' })
      expect(ran.code, args.join(' ')).to.equal(EXIT.usage)
      expect(ran.stderr, args.join(' ')).not.to.equal('')
    }
  })

  describe('against a broker', () => {
    let broker: TestBroker
    before(async () => {
      broker = await startTestBroker()
    })
    after(() => broker[Symbol.asyncDispose]())

    const request = (over: object) => {
      const env = { MAYFLY_URL: broker.url, MAYFLY_IDENTITY_TOKEN: broker.identity() }
      return mayfly(['lease', 'request', '-'], { env, stdin: JSON.stringify({ ...ORDINARY, ...over }) })
    }

    it('names the rules that said no', async () => {
      const ran = await request({ intent: { ...ORDINARY.intent, purpose: 'deny' } })
      expect(ran.code).to.equal(4)
      expect(ran.stderr).to.contain('It was asked to deny (rule denies).\n  risk 0, tier low\n')
      expect(ran.stderr).to.match(/\nSee docs\/problems\.md#denied\n$/)
    })

    it('names each place that does not fit', async () => {
      const ran = await request({ task: 'no blanks', ttl: 1 })
      expect(ran.code).to.equal(2)
      expect(ran.stderr).to.match(/\n {2}\/task must be 1 to 128 .*\n {2}\/ttl /)
    })

    it('names the grant that the agent may not ask for', async () => {
      const ran = await request({ access: [{ grant: 'refunds-api', actions: ['refund:delete'] }] })
      expect(ran.code).to.equal(4)
      expect(ran.stderr).to.match(/\n {2}\/access\/0\/actions .*refund:delete/)
    })
  })
})
