import { expect } from 'chai'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { mayfly } from './support/mayfly.ts'

describe('mayfly keys', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
  })
  after(() => broker[Symbol.asyncDispose]())

  const as = (name: 'viewer' | 'operator' | 'admin') => ({
    env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator(name) },
  })

  it('lists them in a table, and as the API has them', async () => {
    const { code, stdout } = await mayfly(['keys', 'list'], as('viewer'))
    expect(code).to.equal(0)
    const [headings, ...rows] = stdout.trimEnd().split('\n')
    expect(headings?.replace(/ +/g, ' ')).to.equal('KEY USE ALGORITHM STATE SIGNS ENDS')
    expect(rows).to.have.length(4)
    expect(rows[1]).to.match(/^[\w-]{43} +access +EdDSA +next +in 2[45] d$/)
    const { json } = await mayfly(['keys', 'list', '--json'], as('viewer'))
    expect(json.items).to.have.length(4)
  })

  it('rotates them, and says first what that means', async () => {
    const before = (await mayfly(['keys', 'list', '--json'], as('viewer'))).json.items
    const rotated = await mayfly(['keys', 'rotate', '--reason', 'Drill', '--json'], as('admin'))
    expect([rotated.code, rotated.stderr]).to.deep.equal([
      0,
      'This rotates 2 keys. Tokens that they signed stay good to their end.\n',
    ])
    expect(rotated.json.items.find(({ state }: { state: string }) => state === 'current').kid).to.equal(before[1].kid)
  })

  it('leaves them alone where the role is too low', async () => {
    const refused = await mayfly(['keys', 'rotate'], as('operator'))
    expect([refused.code, refused.stdout]).to.deep.equal([4, ''])
    expect(refused.stderr).to.match(/This needs an operator token with the role admin or above\./)
  })
})
