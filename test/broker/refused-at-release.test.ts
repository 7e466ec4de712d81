import { expect } from 'chai'
import { readAudit, recordsOf } from '../support/audit.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'
import { until } from '../support/until.ts'

describe('a stop that comes while a credential is minted', () => {
  const stops = [
    { refusal: 'forbidden', path: '/v1/agents/support-bot/revoke', body: {} },
    { refusal: 'frozen', path: '/v1/freeze', body: { scope: { grant: WAREHOUSE.grant } } },
  ] as const
  for (const { refusal, path, body } of stops) {
    it(`refuses the lease, and what was asked is on record as refused: ${refusal}`, async () => {
      await using broker = await startUpstreamBroker()
      broker.upstream.script({ mint: 'held' })
      const asking = broker.request({ access: [WAREHOUSE], task: 'run-7' })
      await broker.upstream.reached('mint')
      const stop = { token: broker.operator('operator'), body: { ...body, reason: 'It was talked into something' } }
      expect((await broker.call('POST', path, stop)).status).to.be.oneOf([200, 201])
      broker.upstream.open()
      expectProblem(await asking, refusal)
      const [denied, ...more] = recordsOf(await readAudit(broker, 'denied'), 'lease.denied')
      expect(denied).to.deep.include({ agent: 'support-bot', task: 'run-7', lease: null })
      expect(denied?.subject).to.deep.include({ access: [{ ...WAREHOUSE, resources: null }] })
      expect(more).to.deep.equal([])
      await until('nothing is left', () => broker.upstream.live().length === 0)
    })
  }
})
