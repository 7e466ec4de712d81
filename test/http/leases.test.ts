import { expect } from 'chai'
import { startTestBroker } from '../support/broker.ts'

describe('a lease over HTTP', () => {
  it('is granted to a proven agent, with a token and a credential', async () => {
    await using broker = await startTestBroker()
    const { status, body } = await broker.request()
    expect(status).to.equal(201)
    expect(body.state).to.equal('active')
    expect(body.token).to.match(/^mfl_/)
    expect(body.credentials).to.have.length(1)
  })
})
