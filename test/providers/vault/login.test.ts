import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import {
  accessorsOf,
  ORDERS_DB,
  ORDERS_READER,
  startTestVault,
  vaultWorldOfSuite,
  type TestVault,
  type VaultWorld,
} from './support/vault-world.ts'

const HOUR_MS = 3_600_000
const soon = (): AbortSignal => AbortSignal.timeout(5_000)
const pathsOf = (vault: TestVault): readonly string[] =>
  vault.faults.exchanges.map(({ request }) => request.path.slice(4))

describe("the broker's own login at a Vault", () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  const ownToken = async (over: object = {}): Promise<{ readonly client_token: string; readonly accessor: string }> => {
    const asked = { policies: ['mayfly-broker'], no_default_policy: true, no_parent: true, period: '24h', ...over }
    return (await world.bao.root('POST', 'auth/token/create', asked)).auth
  }
  const tokenFile = async (name: string, token: string): Promise<string> => {
    await writeFile(world.folder.at(name), `${token}\n`, { mode: 0o600 })
    return world.folder.at(name)
  }

  it('by AppRole, with exactly the policy that is shipped, mints and takes back everything', async () => {
    await using vault = await startTestVault(world)
    for (const grant of [ORDERS_READER, ORDERS_DB]) await vault.end(await vault.mint(vault.order(grant)))
    const { auth } = JSON.parse(vault.faults.exchanges[0]?.answer?.body ?? '')
    expect(auth.policies).to.deep.equal(['mayfly-broker'])
  })

  it('by a token from a file is renewed, and the file is read again where the token is gone', async () => {
    const first = await ownToken()
    const file = await tokenFile('token', first.client_token)
    await using vault = await startTestVault(world, { settings: { auth: { method: 'token', tokenFile: file } } })
    await vault.end(await vault.mint(vault.order(ORDERS_READER)))
    vault.advance(17 * HOUR_MS)
    await vault.provider.upkeep?.(soon())
    expect(pathsOf(vault)).to.include('auth/token/renew-self')

    await world.bao.root('POST', 'auth/token/revoke-accessor', { accessor: first.accessor })
    await tokenFile('token', (await ownToken()).client_token)
    await vault.end(await vault.mint(vault.order(ORDERS_READER)))
  })

  it('by a JWT needs no stored secret', async () => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
    const jwt = await new SignJWT({})
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer('https://platform.test')
      .setSubject('mayfly')
      .setAudience('vault')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
    await world.bao.root('POST', 'sys/auth/jwt', { type: 'jwt' })
    await world.bao.root('POST', 'auth/jwt/config', { jwt_validation_pubkeys: [await exportSPKI(publicKey)] })
    await world.bao.root('POST', 'auth/jwt/role/mayfly', {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['vault'],
      bound_subject: 'mayfly',
      token_policies: ['mayfly-broker'],
      token_no_default_policy: true,
    })
    const jwtFile = await tokenFile('jwt', jwt)
    const auth = { method: 'jwt', mount: 'jwt', role: 'mayfly', jwtFile } as const
    await using vault = await startTestVault(world, { settings: { auth } })
    await vault.end(await vault.mint(vault.order(ORDERS_DB)))
    expect(pathsOf(vault)[0]).to.equal('auth/jwt/login')
  })

  it('works in a namespace, with names that the root namespace does not have', async () => {
    await world.bao.root('POST', 'sys/namespaces/team-a', {})
    const inside = (method: string, path: string, body?: unknown) => world.bao.root(method, path, body, 'team-a')
    for (const name of ['broker', 'parent']) {
      const { data } = await world.bao.root('GET', `sys/policies/acl/mayfly-${name}`)
      await inside('PUT', `sys/policies/acl/mayfly-${name}`, { policy: data.policy })
    }
    await inside('PUT', 'sys/policies/acl/team-reader', { policy: 'path "kv/orders" { capabilities = ["read"] }' })
    await inside('POST', 'auth/token/roles/mayfly-parent', {
      allowed_policies: ['mayfly-parent', 'team-reader'],
      orphan: true,
      token_period: '6h',
      token_no_default_policy: true,
    })
    await inside('POST', 'sys/mounts/kv', { type: 'kv' })
    await inside('POST', 'kv/orders', { answer: 'inside' })
    const { client_token } = (
      await inside('POST', 'auth/token/create', { policies: ['mayfly-broker'], no_parent: true, period: '24h' })
    ).auth
    const auth = { method: 'token', tokenFile: await tokenFile('team-a', client_token) } as const
    const grant = { ...ORDERS_READER, policies: ['team-reader'] }
    await using vault = await startTestVault(world, { settings: { auth, namespace: 'team-a' }, grants: [grant] })
    const minted = await vault.mint(vault.order(grant))
    expect(minted.value).to.have.property('namespace', 'team-a')
    const { token } = minted.value
    const read = (namespace?: string) =>
      world.bao.call('GET', 'kv/orders', { token, ...(namespace !== undefined && { namespace }) })
    expect((await read('team-a')).body.data).to.deep.equal({ answer: 'inside' })
    expect((await read()).status).to.not.equal(200)
    expect((await vault.provider.check(soon())).filter(({ ok }) => !ok)).to.deep.equal([])
    await vault.end(minted)
  })

  it('is renewed at two thirds of its life, and not before', async () => {
    await using vault = await startTestVault(world)
    await vault.mint(vault.order(ORDERS_READER, 10 * HOUR_MS))
    vault.advance(0.6 * HOUR_MS)
    await vault.provider.upkeep?.(soon())
    expect(pathsOf(vault)).to.not.include('auth/token/renew-self')
    vault.advance(0.1 * HOUR_MS)
    await vault.provider.upkeep?.(soon())
    expect(pathsOf(vault).filter((path) => path === 'auth/token/renew-self')).to.have.length(1)
  })

  it('is made anew where it was revoked, while it is used', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER))
    const { accessor } = JSON.parse(vault.faults.exchanges[0]?.answer?.body ?? '').auth
    await world.bao.root('POST', 'auth/token/revoke-accessor', { accessor })
    await vault.end(minted)
    expect(pathsOf(vault).filter((path) => path === 'auth/approle/login')).to.have.length(2)
  })

  it('is made anew where it has run out, and where its maximum is near', async () => {
    await world.bao.root('POST', 'auth/approle/role/mayfly', { token_ttl: '60s', token_max_ttl: '61s' })
    await using vault = await startTestVault(world)
    await vault.mint(vault.order(ORDERS_READER, HOUR_MS))
    await world.bao.root('POST', 'auth/approle/role/mayfly', { token_ttl: '1h', token_max_ttl: '24h' })
    vault.advance(61_000)
    await vault.provider.upkeep?.(soon())
    expect(pathsOf(vault).filter((path) => path === 'auth/approle/login')).to.have.length(2)

    // What a login with a day behind it is told: renewed, for less than half of the hour.
    const body = JSON.stringify({ auth: { lease_duration: 1_700, renewable: true } })
    using _ = vault.faults.inject({ kind: 'answer', status: 200, body }, ({ path }) => path.endsWith('renew-self'))
    vault.advance(0.7 * HOUR_MS)
    await vault.provider.upkeep?.(soon())
    expect(pathsOf(vault).slice(-2)).to.deep.equal(['auth/token/renew-self', 'auth/approle/login'])
  })

  it('is shared by whoever comes at the same time, and nobody who goes away ends it for the others', async () => {
    await using vault = await startTestVault(world)
    const gone = new AbortController()
    const plan = (order = vault.order(ORDERS_READER)) => ({ order, plan: vault.provider.plan(order) })
    const [one, other] = [plan(), plan()]
    if (!one.plan.ok || !other.plan.ok) return expect.fail('no plan')
    const record = () => Promise.resolve()
    using _ = vault.faults.inject({ kind: 'delay', ms: 50 }, ({ path }) => path.endsWith('/login'))
    const leaving = vault.provider
      .mint(one.order, one.plan.value, record, gone.signal)
      .catch((caught: unknown) => caught)
    const staying = vault.provider.mint(other.order, other.plan.value, record, soon())
    gone.abort()
    expect(await leaving).to.be.an('error')
    expect((await staying).fingerprint).to.be.a('string')
    expect(pathsOf(vault).filter((path) => path.endsWith('/login'))).to.have.length(1)
  })

  it('that fails stops revocations without blaming one of them', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER))
    const { auth } = await world.appRole()
    if (auth.method !== 'approle') return expect.fail('no AppRole')
    await writeFile(auth.secretIdFile, 'not-a-secret-id')
    await using stuck = await startTestVault(world, { settings: { auth } })
    const answer = await stuck.provider.revoke(minted.revocable, soon())
    expect(answer).to.deep.equal({ class: 'unreachable', detail: 'Vault answered auth/approle/login with 400' })
    await vault.end(minted)
  })

  it('is given up after a look, unless it was there before', async () => {
    await using vault = await startTestVault(world)
    const before = await accessorsOf(world.bao)
    await vault.provider.check(soon())
    expect(await accessorsOf(world.bao)).to.have.members(before)
    const minted = await vault.mint(vault.order(ORDERS_READER))
    await vault.provider.check(soon())
    expect(pathsOf(vault).filter((path) => path === 'auth/token/revoke-self')).to.have.length(1)
    await vault.end(minted)
  })

  const wrong: readonly (readonly [string, object, string])[] = [
    ['as root', { policies: ['root'], no_parent: true, period: '' }, 'least privilege'],
    ['with a token that cannot be renewed', { period: '', ttl: '1h', renewable: false }, 'renewal'],
    ['with a token that may not do anything', { policies: ['nothing'] }, 'login'],
  ]
  for (const [how, over, check] of wrong) {
    it(`${how} is found by a check, with a mend`, async () => {
      const file = await tokenFile('wrong', (await ownToken(over)).client_token)
      await using vault = await startTestVault(world, { settings: { auth: { method: 'token', tokenFile: file } } })
      const findings = await vault.provider.check(soon())
      expect(findings.find(({ ok }) => !ok))
        .to.include({ check })
        .and.have.property('mend')
        .that.is.a('string')
    })
  }

  it('is no finding where it goes as docs/vault.md says: a control', async () => {
    const file = await tokenFile('right', (await ownToken()).client_token)
    await using vault = await startTestVault(world, { settings: { auth: { method: 'token', tokenFile: file } } })
    expect((await vault.provider.check(soon())).filter(({ ok }) => !ok)).to.deep.equal([])
  })
})
