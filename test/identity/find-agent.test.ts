import { expect } from 'chai'
import type { Agent } from '../../src/core/catalogue.ts'
import type { TrustedIssuer } from '../../src/identity/trusted-issuer.ts'
import { json, startKeyServer } from './support/key-server.ts'
import { makeSigner } from './support/signer.ts'
import { agent, claimsOf, jwks, testClock, trust } from './support/trust.ts'

const ISSUER = 'https://issuer.test'
const clock = testClock()
const signer = makeSigner('EdDSA', 'k1')

interface World {
  readonly agents: readonly Agent[]
  /** Beside the issuer `ci`. */
  readonly more?: readonly Partial<Extract<TrustedIssuer, { type: 'jwks' }>>[]
}

/** The agent that a good token with these claims proves, or the reason and cause of the refusal. */
async function found(claims: object, { agents, more = [] }: World): Promise<string> {
  await using server = await startKeyServer()
  server.answers.set('/keys', json({ keys: [signer.jwk] }))
  const keys = { url: `${server.url}/keys` }
  const identities = trust({ agents, issuers: [jwks(keys), ...more.map((each) => jwks(keys, each))] }, { clock })
  const result = await identities.workload(signer.token(claimsOf(ISSUER, clock, claims)))
  return result.ok
    ? `${result.value.agent} ${result.value.instance}`.trim()
    : `${result.error.reason}: ${result.error.cause}`
}

describe('the agent of a proven identity', () => {
  const byClaims = agent('deployer', { identities: [{ issuer: 'ci', subject: null, claims: { repo: 'a/b', n: 1 } }] })
  const byBoth = agent('both', { identities: [{ issuer: 'ci', subject: 'bot', claims: { env: 'prod' } }] })

  it('is found by its subject', async () => {
    expect(await found({ sub: 'bot' }, { agents: [agent('bot'), agent('other')] })).to.equal('bot')
  })

  it('is found by claims alone, all of them exact', async () => {
    expect(await found({ sub: 'x', repo: 'a/b', n: 1 }, { agents: [byClaims] })).to.equal('deployer')
    for (const other of [{ repo: 'a/b' }, { repo: 'a/b', n: '1' }, { repo: 'a/b/c', n: 1 }, { repo: ['a/b'], n: 1 }])
      expect(await found(other, { agents: [byClaims] })).to.equal('unknown-agent: Issuer ci: it matches no agent')
  })

  it('must have subject and claims where both are configured', async () => {
    expect(await found({ sub: 'bot', env: 'prod' }, { agents: [byBoth] })).to.equal('both')
    expect(await found({ sub: 'bot' }, { agents: [byBoth] })).to.match(/matches no agent/)
    expect(await found({ sub: 'x', env: 'prod' }, { agents: [byBoth] })).to.match(/matches no agent/)
  })

  it('has any one of its identities', async () => {
    const identities = ['one', 'two'].map((subject) => ({ issuer: 'ci', subject, claims: {} }))
    for (const sub of ['one', 'two'])
      expect(await found({ sub }, { agents: [agent('bot', { identities })] })).to.equal('bot')
  })

  it('is none for a subject that only looks alike', async () => {
    for (const sub of ['Bot', 'bot ', 'bo', 'bots', '', undefined])
      expect(await found({ sub }, { agents: [agent('bot')] })).to.equal('unknown-agent: Issuer ci: it matches no agent')
  })

  it('is none where no agent is configured', async () => {
    expect(await found({}, { agents: [] })).to.equal('unknown-agent: Issuer ci: it matches no agent')
  })

  it('is none where two agents match', async () => {
    const twin = agent('twin', { identities: [{ issuer: 'ci', subject: 'bot', claims: {} }] })
    expect(await found({}, { agents: [agent('bot'), twin] })).to.equal(
      'unknown-agent: Issuer ci: it matches bot and twin',
    )
  })

  it('is none of an identity that names neither subject nor claims: that would be everybody', async () => {
    const anybody = agent('anybody', { identities: [{ issuer: 'ci', subject: null, claims: {} }] })
    const nobody = agent('nobody', { identities: [] })
    expect(await found({}, { agents: [anybody, nobody] })).to.match(/matches no agent/)
  })

  it('is none by the subject of another issuer', async () => {
    const elsewhere = agent('bot', { identities: [{ issuer: 'mesh', subject: 'bot', claims: {} }] })
    expect(await found({}, { agents: [elsewhere], more: [{ name: 'mesh', issuer: 'https://mesh.test' }] })).to.equal(
      'unknown-agent: Issuer ci: it matches no agent',
    )
  })

  it('is found by the one of two trusts in an issuer whose requirements hold', async () => {
    const more = [{ name: 'prod', require: { env: 'prod' } }]
    const agents = [agent('deployer', { identities: [{ issuer: 'prod', subject: 'bot', claims: {} }] })]
    expect(await found({ env: 'prod' }, { agents, more })).to.equal('deployer')
    expect(await found({ env: 'test' }, { agents, more })).to.equal('unknown-agent: Issuer ci: it matches no agent')
  })

  it('is none where two trusts in an issuer lead to two agents', async () => {
    const agents = [agent('bot'), agent('twin', { identities: [{ issuer: 'ci-2', subject: 'bot', claims: {} }] })]
    expect(await found({}, { agents, more: [{ name: 'ci-2' }] })).to.equal(
      'unknown-agent: Issuer ci, ci-2: it matches bot and twin',
    )
  })
})

describe('the instance of an agent', () => {
  const agents = [agent('bot', { instanceClaims: ['run_id', 'attempt'] })]

  it('is its instance claims in one form, whatever their order in the token', async () => {
    const instance = 'bot {"attempt":2,"run_id":"77"}'
    expect(await found({ run_id: '77', attempt: 2 }, { agents })).to.equal(instance)
    expect(await found({ attempt: 2, run_id: '77' }, { agents })).to.equal(instance)
  })

  it('tells a number from its text', async () => {
    expect(await found({ run_id: 77, attempt: 2 }, { agents })).to.equal('bot {"attempt":2,"run_id":77}')
  })

  for (const missing of [undefined, null, '']) {
    it(`must be told: without one of its claims (${missing === undefined ? 'left out' : JSON.stringify(missing)}) the proof is refused`, async () => {
      expect(await found({ run_id: '77', attempt: missing }, { agents })).to.equal(
        'unauthenticated: Agent bot: the instance claim attempt is missing',
      )
    })
  }

  it('is none where the agent has no instance claims', async () => {
    expect(await found({ run_id: '77' }, { agents: [agent('bot')] })).to.equal('bot')
  })

  it('never comes from what every object has', async () => {
    expect(await found({}, { agents: [agent('bot', { instanceClaims: ['constructor'] })] })).to.equal(
      'unauthenticated: Agent bot: the instance claim constructor is missing',
    )
  })
})
