import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { json, publish, redirect, startKeyServer, type Answer } from './support/key-server.ts'
import { makeSigner } from './support/signer.ts'
import { causeOf, claimsOf, jwks, oidc, testClock, trust } from './support/trust.ts'

const DISCOVERY = '/.well-known/openid-configuration'
const signer = makeSigner('EdDSA', 'k1')

describe('an OpenID issuer', () => {
  it('is discovered over HTTP, and its token makes the agent', async () => {
    await using server = await startKeyServer()
    publish(server, [signer.jwk])
    const clock = testClock()
    const claims = claimsOf(server.url, clock)
    const found = await trust({ issuers: [oidc(server.url)] }, { clock }).workload(signer.token(claims))
    expect(found).to.deep.equal({
      ok: true,
      value: { type: 'agent', agent: 'bot', issuer: 'ci', subject: 'bot', instance: '', claims },
    })
    expect(server.hits(DISCOVERY)).to.equal(1)
    expect(server.hits('/jwks')).to.equal(1)
  })

  it('is asked once, however many tokens come at the same time', async () => {
    await using server = await startKeyServer()
    publish(server, [signer.jwk])
    const clock = testClock()
    const identities = trust({ issuers: [oidc(server.url)] }, { clock })
    const tokens = Array.from({ length: 20 }, (_, n) => signer.token(claimsOf(server.url, clock, { n })))
    const found = await Promise.all(tokens.map((token) => identities.workload(token)))
    expect(found.map(causeOf)).to.deep.equal(Array(20).fill('accepted as bot'))
    expect(server.hits()).to.equal(2)
  })

  it('may have a path, with or without a slash at its end', async () => {
    for (const path of ['/tenant', '/tenant/']) {
      await using server = await startKeyServer()
      const issuer = server.url + path
      publish(server, [signer.jwk])
      server.answers.set(`/tenant${DISCOVERY}`, json({ issuer, jwks_uri: `${server.url}/jwks` }))
      const clock = testClock()
      const found = await trust({ issuers: [oidc(issuer)] }, { clock }).workload(signer.token(claimsOf(issuer, clock)))
      expect(causeOf(found), path).to.equal('accepted as bot')
    }
  })

  /** What the issuer answers, and what the operator is told. `OWN` and `ELSEWHERE` stand for real addresses. */
  const refused: readonly (readonly [
    string,
    (own: string, elsewhere: string) => Readonly<Record<string, Answer>>,
    RegExp,
  ])[] = [
    [
      'its discovery names another issuer',
      (own) => ({ [DISCOVERY]: json({ issuer: 'https://other.test', jwks_uri: `${own}/jwks` }) }),
      /configuration of another issuer/,
    ],
    [
      'its discovery names it with a slash more',
      (own) => ({ [DISCOVERY]: json({ issuer: `${own}/`, jwks_uri: `${own}/jwks` }) }),
      /configuration of another issuer/,
    ],
    ['its discovery names no issuer', (own) => ({ [DISCOVERY]: json({ jwks_uri: `${own}/jwks` }) }), /another issuer/],
    ['its discovery names no keys', (own) => ({ [DISCOVERY]: json({ issuer: own }) }), /no jwks_uri/],
    [
      'its discovery names keys that are no text',
      (own) => ({ [DISCOVERY]: json({ issuer: own, jwks_uri: [`${own}/jwks`] }) }),
      /no jwks_uri/,
    ],
    ['its discovery is a list', () => ({ [DISCOVERY]: json([]) }), /another issuer/],
    ['its discovery is not JSON', () => ({ [DISCOVERY]: json('<html>') }), /not JSON/],
    [
      'its discovery says a thing twice',
      (own) => ({ [DISCOVERY]: json(`{"issuer":"${own}","jwks_uri":"${own}/jwks","issuer":"${own}"}`) }),
      /twice/,
    ],
    ['its discovery is missing', () => ({ [DISCOVERY]: json({}, 404) }), /answered 404, not 200/],
    ['its discovery fails', () => ({ [DISCOVERY]: json({}, 500) }), /answered 500/],
    [
      'its discovery answers 201',
      (own) => ({ [DISCOVERY]: json({ issuer: own, jwks_uri: `${own}/jwks` }, 201) }),
      /answered 201/,
    ],
    ['its keys fail', () => ({ '/jwks': json({ keys: [signer.jwk] }, 503) }), /jwks answered 503/],
    ['its keys are not a key set', () => ({ '/jwks': json({ key: signer.jwk }) }), /not a JWK set/],
    [
      'its discovery redirects',
      (_, elsewhere) => ({ [DISCOVERY]: redirect(`${elsewhere}${DISCOVERY}`) }),
      /302.*redirects are not followed/,
    ],
    [
      'its keys redirect for good',
      (_, elsewhere) => ({ '/jwks': redirect(`${elsewhere}/jwks`, 308) }),
      /308.*redirects are not followed/,
    ],
    [
      'its keys lie at a plain address of another machine',
      (own) => ({ [DISCOVERY]: json({ issuer: own, jwks_uri: 'http://keys.test/jwks' }) }),
      /neither https nor plain http on loopback/,
    ],
    [
      'its keys lie in a file',
      (own) => ({ [DISCOVERY]: json({ issuer: own, jwks_uri: 'file:///etc/jwks.json' }) }),
      /neither https nor plain http on loopback/,
    ],
  ]
  for (const [name, answers, cause] of refused) {
    it(`proves nothing where ${name}`, async () => {
      await using server = await startKeyServer()
      await using elsewhere = await startKeyServer()
      publish(server, [signer.jwk])
      elsewhere.answers.set(DISCOVERY, json({ issuer: server.url, jwks_uri: `${elsewhere.url}/jwks` }))
      elsewhere.answers.set('/jwks', json({ keys: [signer.jwk] }))
      for (const [path, answer] of Object.entries(answers(server.url, elsewhere.url))) server.answers.set(path, answer)
      const clock = testClock()
      const identities = trust({ issuers: [oidc(server.url)] }, { clock })
      const found = await identities.workload(signer.token(claimsOf(server.url, clock)))
      expect(found.ok).to.equal(false)
      expect(causeOf(found)).to.match(cause)
      expect(elsewhere.hits()).to.equal(0)
    })
  }

  it('over https does not send the broker to plain http, not even on loopback', async () => {
    await using server = await startKeyServer()
    const issuer = 'https://issuer.test'
    const clock = testClock()
    // What TLS would carry is carried plain here: the script is about what the document says.
    const carried = (address: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> =>
      fetch(typeof address === 'string' ? address.replace(issuer, server.url) : address, init)
    const causes = []
    for (const keys of [`${issuer}/jwks`, `${server.url}/jwks`]) {
      publish(server, [signer.jwk])
      server.answers.set(DISCOVERY, json({ issuer, jwks_uri: keys }))
      const identities = trust({ issuers: [oidc(issuer)] }, { clock, fetch: carried })
      causes.push(causeOf(await identities.workload(signer.token(claimsOf(issuer, clock)))))
    }
    expect(causes[0], 'a control: https to https').to.equal('accepted as bot')
    expect(causes[1]).to.include('names a jwks_uri that is not https')
    expect(server.hits('/jwks')).to.equal(1)
  })
})

describe('an issuer whose keys are configured', () => {
  const clock = testClock()
  const token = signer.token(claimsOf('https://issuer.test', clock))

  it('has them at an address, without discovery', async () => {
    await using server = await startKeyServer()
    server.answers.set('/keys', json({ keys: [signer.jwk] }))
    const identities = trust({ issuers: [jwks({ url: `${server.url}/keys` })] }, { clock })
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    expect(server.hits()).to.equal(1)
  })

  it('has them in a file', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.at('jwks.json'), JSON.stringify({ keys: [signer.jwk] }))
    const identities = trust({ issuers: [jwks({ file: folder.at('jwks.json') })] }, { clock })
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
  })

  const files: readonly (readonly [string, string | undefined, RegExp])[] = [
    ['there is no file', undefined, /could not be read: ENOENT/],
    ['the file is empty', '', /not JSON/],
    ['the file holds one key and no set', JSON.stringify(signer.jwk), /not a JWK set/],
    [
      'the file is over 1 MiB',
      JSON.stringify({ keys: [signer.jwk], x: 'x'.repeat(1024 * 1024) }),
      /larger than 1048576/,
    ],
    ['the set is empty', JSON.stringify({ keys: [] }), /no key "k1"/],
  ]
  for (const [name, content, cause] of files) {
    it(`proves nothing where ${name}`, async () => {
      await using folder = await temporaryFolder()
      if (content !== undefined) await writeFile(folder.at('jwks.json'), content)
      const identities = trust({ issuers: [jwks({ file: folder.at('jwks.json') })] }, { clock })
      expect(causeOf(await identities.workload(token))).to.match(cause)
    })
  }
})
