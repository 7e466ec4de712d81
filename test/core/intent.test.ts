import { expect } from 'chai'
import fc from 'fast-check'

import { AUTONOMY, ORIGINS, type Agent } from '../../src/core/catalogue.ts'
import { worstIntent, type DeclaredIntent } from '../../src/core/intent.ts'

const agent = (over: Partial<Agent> = {}): Agent => ({
  id: 'bot',
  owner: 'dana@example.com',
  trust: 'low',
  autonomy: null,
  purposes: [],
  dataClasses: [],
  identities: [],
  instanceClaims: [],
  heartbeatSeconds: null,
  grants: [],
  tools: [],
  ...over,
})
const declared = fc.record({
  goal: fc.string(),
  purpose: fc.string(),
  dataClasses: fc.array(fc.constantFrom('pii', 'phi', 'pci')),
  autonomy: fc.option(fc.constantFrom(...AUTONOMY)),
  origin: fc.option(fc.constantFrom(...ORIGINS)),
  onBehalfOf: fc.option(fc.string()),
}) satisfies fc.Arbitrary<DeclaredIntent>
const configured = fc.record({
  autonomy: fc.option(fc.constantFrom(...AUTONOMY)),
  dataClasses: fc.array(fc.constantFrom('pii', 'secret')),
})

describe('the intent that is judged', () => {
  it('is never nearer a human than what was declared or what is configured', () => {
    fc.assert(
      fc.property(declared, configured, (said, config) => {
        const { autonomy } = worstIntent(said, { agent: agent(config), grants: [], tools: [] })
        expect(AUTONOMY.indexOf(autonomy)).to.be.at.least(AUTONOMY.indexOf(said.autonomy ?? 'autonomous'))
        expect(AUTONOMY.indexOf(autonomy)).to.be.at.least(AUTONOMY.indexOf(config.autonomy ?? 'interactive'))
      }),
    )
  })

  it('is the worst there is where nothing was said', () => {
    const said: DeclaredIntent = {
      goal: 'g',
      purpose: '',
      dataClasses: [],
      autonomy: null,
      origin: null,
      onBehalfOf: null,
    }
    const judged = worstIntent(said, { agent: agent({ autonomy: 'interactive' }), grants: [], tools: [] })
    expect(judged).to.include({ autonomy: 'autonomous', origin: 'event' })
  })

  it('holds every data class that was declared and every one that is configured', () => {
    fc.assert(
      fc.property(declared, configured, (said, config) => {
        const { dataClasses } = worstIntent(said, { agent: agent(config), grants: [], tools: [] })
        expect(new Set(dataClasses)).to.deep.equal(new Set([...said.dataClasses, ...config.dataClasses]))
      }),
    )
  })
})
