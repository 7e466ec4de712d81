import { expect } from 'chai'
import type { IdentityAlgorithm } from '../../src/identity/trusted-issuer.ts'
import { json, startKeyServer } from './support/key-server.ts'
import { craft, encode, makeSigner } from './support/signer.ts'
import { causeOf, claimsOf, jwks, OWN_ISSUER, testClock, trust } from './support/trust.ts'

const [ed, ec, rsa, attacker] = [
  makeSigner('EdDSA', 'ed'),
  makeSigner('ES256', 'ec'),
  makeSigner('RS256', 'rsa'),
  makeSigner('EdDSA', 'evil'),
]
const clock = testClock()
const claims = claimsOf('https://issuer.test', clock)
const ALL: readonly IdentityAlgorithm[] = ['EdDSA', 'ES256', 'RS256', 'PS256', 'RS512']

/** What becomes of a token, where the issuer publishes these keys and may sign with these algorithms. */
async function causeWith(
  token: string,
  { keys = [ed.jwk, ec.jwk, rsa.jwk], algorithms = ALL }: { keys?: readonly object[]; algorithms?: typeof ALL } = {},
): Promise<string> {
  await using server = await startKeyServer()
  server.answers.set('/keys', json({ keys }))
  const identities = trust({ issuers: [jwks({ url: `${server.url}/keys` }, { algorithms })] }, { clock })
  return causeOf(await identities.workload(token))
}

describe('the algorithm of an identity token', () => {
  for (const signer of [ed, ec, rsa]) {
    it(`may be ${signer.algorithm} where the issuer is configured with it`, async () => {
      expect(await causeWith(signer.token(claims), { algorithms: [signer.algorithm] })).to.equal('accepted as bot')
    })

    it(`may not be ${signer.algorithm} where the issuer is configured with others, published or not`, async () => {
      const algorithms = ALL.filter((each) => each !== signer.algorithm)
      expect(await causeWith(signer.token(claims), { algorithms })).to.include('its alg is not one of the issuer')
    })
  }

  it('may be called Ed25519 where that is what the issuer is configured with', async () => {
    const token = ed.token(claims, { alg: 'Ed25519' })
    expect(await causeWith(token, { algorithms: ['Ed25519'] })).to.equal('accepted as bot')
    expect(await causeWith(token, { algorithms: ['EdDSA'] })).to.include('its alg is not one of the issuer')
  })

  it("is nobody's where the configuration lists none", async () => {
    expect(await causeWith(ed.token(claims), { algorithms: [] })).to.include('its alg is not one of the issuer')
  })

  for (const alg of ['none', 'None', 'NONE', '']) {
    it(`is never ${JSON.stringify(alg)}, with a signature or without`, async () => {
      const signed = `${encode({ alg, kid: 'ed' })}.${encode(claims)}`
      expect(await causeWith(`${signed}.`)).to.include('is not three non-empty parts')
      expect(await causeWith(`${signed}.AAAA`)).to.include('its alg is not one of the issuer')
    })
  }

  const secrets: readonly (readonly [string, string])[] = [
    ['its PEM', rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    ['its JWK', JSON.stringify(rsa.jwk)],
    ['its DER', rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('latin1')],
    ['its modulus', String(rsa.jwk['n'])],
  ]
  for (const [name, secret] of secrets) {
    it(`is never HMAC with the public key as the secret (${name})`, async () => {
      const token = craft({ alg: 'HS256', kid: 'rsa' }, claims, { algorithm: 'HS256', key: secret })
      expect(await causeWith(token)).to.include('its alg is not one of the issuer')
      const allowed = { algorithms: ['HS256' as IdentityAlgorithm, ...ALL] }
      expect(await causeWith(token, allowed), 'even if it were configured').to.include('no key "rsa" for HS256')
      const shared = { kty: 'oct', kid: 'rsa', alg: 'HS256', k: Buffer.from(secret, 'latin1').toString('base64url') }
      expect(await causeWith(token, { ...allowed, keys: [shared] })).to.include('it is private or symmetric')
    })
  }

  it('is that of the key, not another that the key could do', async () => {
    const other = rsa.token(claims, { alg: 'RS512' })
    expect(await causeWith(other)).to.include('no key "rsa" for RS512')
    const unbound = { ...rsa.jwk, alg: undefined }
    expect(await causeWith(other, { keys: [unbound] }), 'signed with SHA-256').to.include('signature does not hold')
    expect(await causeWith(other, { keys: [unbound], algorithms: ['RS256'] })).to.include('alg is not one')
    expect(await causeWith(ec.token(claims, { kid: 'ed' }))).to.include('no key "ed" for ES256')
  })
})

describe('the signature of an identity token', () => {
  it('holds for these claims and this header only', async () => {
    const [head = '', body = '', signature = ''] = ed.token(claims).split('.')
    const other = encode({ ...claims, sub: 'admin' })
    for (const text of [
      [head, other, signature],
      [encode({ alg: 'EdDSA', kid: 'ed' }), body, signature],
      [head, body, Buffer.alloc(64).toString('base64url')],
      [head, body, signature.slice(0, 80)],
      [head, body, encode('')],
    ])
      expect(await causeWith(text.join('.'))).to.match(/signature does not hold|three non-empty parts/)
  })

  it('is not that of another key with the same name', async () => {
    expect(await causeWith(attacker.token(claims, { kid: 'ed' }))).to.include('its signature does not hold')
  })

  it('is not made with a key that the token brings along or points to', async () => {
    await using evil = await startKeyServer()
    evil.answers.set('/keys', json({ keys: [attacker.jwk] }))
    const brought: readonly object[] = [
      { jwk: attacker.jwk },
      { jku: `${evil.url}/keys` },
      { x5u: `${evil.url}/keys` },
      { crit: ['exp'] },
      { crit: ['b64'], b64: true },
      { crit: [] },
      { b64: false },
    ]
    for (const header of brought) {
      const name = Object.keys(header)[0] ?? ''
      for (const signer of [attacker, ed])
        expect(await causeWith(signer.token(claims, header))).to.include(
          `header member ${name}, which is never followed`,
        )
    }
    expect(evil.hits()).to.equal(0)
    const chain = [attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')]
    expect(await causeWith(attacker.token(claims, { x5c: chain, kid: 'ed' }))).to.include('signature does not hold')
    expect(await causeWith(ed.token(claims, { x5c: chain })), 'ignored').to.equal('accepted as bot')
  })
})

describe('the type of an identity token', () => {
  for (const typ of [undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt']) {
    it(`may be ${typ ?? 'left out'}`, async () => {
      expect(await causeWith(ed.token(claims, { typ }))).to.equal('accepted as bot')
    })
  }
  const others = ['', 'JOSE', 'JWS', 'dpop+jwt', 'logout+jwt', 'secevent+jwt', 'mayfly-audit+jwt', 'text/jwt', 'jwt ']
  for (const typ of others) {
    it(`may not be ${JSON.stringify(typ)}`, async () => {
      expect(await causeWith(ed.token(claims, { typ }))).to.include('its typ is not that of an identity')
    })
  }
})

describe('a token that is no identity', () => {
  it('is one of Mayfly itself, even where an issuer of that name and key is configured', async () => {
    await using server = await startKeyServer()
    server.answers.set('/keys', json({ keys: [ed.jwk] }))
    const token = ed.token({ ...claims, iss: OWN_ISSUER }, { typ: 'at+jwt' })
    const issuers = [jwks({ url: `${server.url}/keys` }, { issuer: OWN_ISSUER })]
    const own = trust({ issuers }, { clock })
    expect(causeOf(await own.workload(token))).to.equal("It is one of Mayfly's own tokens")
    const elsewhere = trust({ issuers, ownIssuer: 'https://another.test' }, { clock })
    expect(causeOf(await elsewhere.workload(token)), 'a control').to.equal('accepted as bot')
  })

  it('is one of an issuer that is not configured, however its name is spelt', async () => {
    for (const iss of [
      'https://issuer.test/',
      'HTTPS://issuer.test',
      'https://issuer.test ',
      undefined,
      null,
      7,
      ['https://issuer.test'],
    ])
      expect(await causeWith(ed.token({ ...claims, iss }))).to.equal('Its issuer is not trusted')
  })

  it('is one whose subject is not text', async () => {
    for (const sub of [7, null, ['bot'], { bot: true }])
      expect(await causeWith(ed.token({ ...claims, sub }))).to.include('its sub is not text')
  })

  it('tells the caller nothing about which check failed', async () => {
    await using server = await startKeyServer()
    server.answers.set('/keys', json({ keys: [ed.jwk] }))
    const identities = trust({ issuers: [jwks({ url: `${server.url}/keys` })] }, { clock })
    const bad = ['', 'x', ed.token({ ...claims, aud: 'x' }), attacker.token(claims, { kid: 'ed' }), 'e30.e30.AAAA']
    for (const token of bad) {
      const found = await identities.workload(token)
      expect(found.ok ? found.value : { ...found.error, cause: '' }).to.deep.equal({
        reason: 'unauthenticated',
        detail: 'The identity token was not accepted.',
        cause: '',
      })
    }
  })
})
