import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import nodeVault from 'node-vault'
import { Secret } from '../../../src/core/secret.ts'
import { createVaultProvider } from '../../../src/providers/vault.ts'
import { createTransport, type Transport, type VaultRequest } from '../../../src/providers/vault/transport.ts'
import { startFaultProxy } from '../../support/backends/fault-proxy.ts'
import { startOpenBao } from '../../support/backends/openbao.ts'
import { until } from '../../support/until.ts'
import { withEnvironment, withoutWarnings } from './support/environment.ts'
import {
  ORDERS_DB,
  ORDERS_READER,
  startTestVault,
  vaultWorldOfSuite,
  usersOf,
  type VaultWorld,
} from './support/vault-world.ts'

/** Each test shows what node-vault does by itself, and that the provider does not. */
describe('a trap of node-vault', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  it('a: revoke() drops `sync`, and fails at the 202 of a revocation that was only promised', async () => {
    await using vault = await startTestVault(world)
    const { revocable } = await vault.mint(vault.order(ORDERS_DB))
    const lease_id = revocable.recorded?.['lease']
    const raw = nodeVault({ endpoint: vault.faults.url, token: world.bao.rootToken })
    await raw.revoke({ lease_id, sync: true })
    expect(JSON.parse(vault.faults.exchanges.at(-1)?.request.body ?? '')).to.deep.equal({ lease_id })
    {
      using _ = vault.faults.inject({ kind: 'answer', status: 202, body: '' })
      const error: unknown = await raw.revoke({ lease_id }).catch((caught: unknown) => caught)
      expect(error).to.be.an('error').with.property('message', 'Status 202')
      expect(await vault.provider.revoke(revocable, AbortSignal.timeout(5_000))).to.have.property('class', 'unknown')
    }

    const minted = await vault.mint(vault.order(ORDERS_DB))
    expect(await usersOf(world, minted.revocable.handle), 'a control').to.have.length(1)
    await vault.end(minted)
    expect(await usersOf(world, minted.revocable.handle)).to.deep.equal([])
    const sent = vault.faults.exchanges.filter(({ request }) => request.path === '/v1/sys/leases/revoke')
    expect(JSON.parse(sent.at(-1)?.request.body ?? '')).to.have.property('sync', true)
  })

  it('b: revokePrefix() calls an endpoint that is gone', async () => {
    const raw = nodeVault({ endpoint: world.bao.url, token: world.bao.rootToken })
    const error: unknown = await raw
      .request({ method: 'PUT', path: '/sys/revoke-prefix/database' })
      .catch((e: unknown) => e)
    expect(error).to.be.an('error').with.nested.property('response.statusCode', 404)

    await using vault = await startTestVault(world)
    await vault.end(await vault.mint(vault.order(ORDERS_DB)))
    await vault.provider.upkeep?.(AbortSignal.timeout(5_000))
    const paths = new Set(vault.faults.exchanges.map(({ request }) => request.path))
    expect([...paths].sort()).to.deep.equal([
      '/v1/auth/approle/login',
      '/v1/auth/token/create',
      '/v1/auth/token/create/mayfly-parent',
      '/v1/auth/token/renew-accessor',
      '/v1/auth/token/revoke-accessor',
      '/v1/database/creds/orders-ro',
      '/v1/sys/leases/renew',
      '/v1/sys/leases/revoke',
    ])
  })

  it("c: a command that renews or logs in takes over the client's own token", async () => {
    const child = (await world.bao.root('POST', 'auth/token/create', { policies: ['orders-reader'], ttl: '60s' })).auth
    const raw = nodeVault({ endpoint: world.bao.url, token: world.bao.rootToken })
    await raw.tokenRenew({ token: child.client_token })
    expect(raw.token).to.equal(child.client_token)

    await using vault = await startTestVault(world)
    await vault.end(await vault.mint(vault.order(ORDERS_READER)))
    const [login, ...later] = vault.faults.exchanges
    const own = JSON.parse(login?.answer?.body ?? '').auth.client_token
    const asOwn = later.filter(({ request }) => /accessor|mayfly-parent/.test(request.path))
    expect(asOwn).to.have.length.at.least(3)
    for (const { request } of asOwn) expect(request.headers['x-vault-token'], request.path).to.equal(own)
  })

  it('d: headers that are passed in keep the first token for ever', async () => {
    await using proxy = await startFaultProxy(world.bao.url)
    const raw = nodeVault({ endpoint: proxy.url, requestOptions: { headers: {} } })
    raw.token = 'first'
    await raw.read('sys/health')
    raw.token = 'second'
    await raw.read('sys/health')
    expect(proxy.exchanges.map(({ request }) => request.headers['x-vault-token'])).to.deep.equal(['first', 'first'])

    const ask = transportTo(proxy.url)
    for (const token of ['third', 'fourth']) await ask({ ...HEALTH, token: new Secret(token) })
    expect(proxy.exchanges.slice(2).map(({ request }) => request.headers['x-vault-token'])).to.deep.equal([
      'third',
      'fourth',
    ])
  })

  it('e: a name climbs out of its path', async () => {
    await using vault = await startTestVault(world)
    const raw = nodeVault({ endpoint: vault.faults.url, token: world.bao.rootToken })
    await raw.generateDatabaseCredentials({ databasePath: 'database', name: '../../sys/mounts' })
    expect(vault.faults.exchanges.at(-1)?.request.path).to.equal('/v1/sys/mounts')

    const seen = vault.faults.exchanges.length
    for (const path of [
      'database/creds/../../sys/mounts',
      'database/creds/a%2e',
      'database/creds/a?b',
      'database//a',
    ]) {
      expect(vault.provider.plan(vault.order({ ...ORDERS_DB, path })).ok, path).to.be.false
    }
    expect(vault.faults.exchanges).to.have.length(seen)
  })

  it("f: VAULT_SKIP_VERIFY=false, and Node's own variable, turn certificate checks off", async () => {
    await using bao = await startOpenBao({ tls: true })
    const ca = await readFile(bao.caFile ?? '', 'utf8')
    const read = (client = nodeVault({ endpoint: bao.url })): Promise<unknown> =>
      client.read('sys/health').then(
        () => 'trusted',
        () => 'refused',
      )
    expect(await read(), 'a control').to.equal('refused')
    const ask = transportTo(bao.url)
    const trusting = createTransport({
      address: bao.url,
      namespace: null,
      ca: () => Promise.resolve(ca),
      callMs: 2_000,
    })
    for (const variable of ['VAULT_SKIP_VERIFY', 'NODE_TLS_REJECT_UNAUTHORIZED']) {
      using _quiet = withoutWarnings()
      using _ = withEnvironment({ [variable]: variable === 'VAULT_SKIP_VERIFY' ? 'false' : '0' })
      expect(await read(), variable).to.equal('trusted')
      expect(await ask(HEALTH), variable).to.include({ kind: 'unanswered' })
      expect(await trusting(HEALTH), variable).to.include({ kind: 'answered', status: 200 })
    }
    const vault = await startTestVault(world)
    await vault[Symbol.asyncDispose]()
    const parts = {
      clock: () => 0,
      env: { VAULT_SKIP_VERIFY: 'false' },
      grants: () => [],
      recorded: () => Promise.resolve([]),
    }
    expect(() => createVaultProvider(vault.settings, parts)).to.throw(/VAULT_SKIP_VERIFY is set\. Unset it/)
  })

  it('g: an error of the network carries the token and the body, and the debug output prints them', async () => {
    const printed: unknown[] = []
    const options = {
      endpoint: 'http://127.0.0.1:1',
      token: 'token-canary',
      debug: (...args: unknown[]) => printed.push(args),
    }
    const data = { secret_id: 'secret-canary' }
    const error: unknown = await nodeVault(options)
      .write('auth/approle/login', data)
      .catch((caught: unknown) => caught)
    expect(inspect(error, { depth: 9 }))
      .to.include('token-canary')
      .and.include('secret-canary')
    expect(inspect(printed, { depth: 9 })).to.include('secret-canary')

    const request = { method: 'POST', path: 'auth/approle/login', token: new Secret('token-canary'), data } as const
    const answer = await transportTo('http://127.0.0.1:1')({ ...request, signal: AbortSignal.timeout(2_000) })
    expect(answer).to.deep.equal({ kind: 'unanswered', why: 'ECONNREFUSED' })
  })

  it('h: a request has no time limit', async () => {
    await using proxy = await startFaultProxy(world.bao.url)
    using _ = proxy.inject({ kind: 'black-hole' })
    const raw = nodeVault({ endpoint: proxy.url })
      .read('sys/health')
      .then(
        () => 'ended',
        () => 'ended',
      )
    expect(await Promise.race([raw, wait(400, 'pending')])).to.equal('pending')
    expect(await transportTo(proxy.url, 200)(HEALTH)).to.deep.equal({ kind: 'unanswered', why: 'it took too long' })
  })

  it('i: a renewal that is due in 25 days or more is made at once, again and again', async () => {
    const month = 768 * 3600
    {
      using _ = withoutWarnings()
      const proxy = await startFaultProxy(world.bao.url)
      const raw = nodeVault({ endpoint: proxy.url, token: world.bao.rootToken })
      const failed = new Promise((resolve) => raw.once('token:error:renew', resolve))
      await raw.startTokenRenewal({ ttl: month })
      const answer = JSON.stringify({ auth: { lease_duration: month, renewable: true } })
      using _answered = proxy.inject({ kind: 'answer', status: 200, body: answer })
      await until('a flood of renewals', () => proxy.exchanges.length > 5)
      await proxy[Symbol.asyncDispose]()
      await failed
    }

    await using vault = await startTestVault(world)
    await world.bao.root('POST', 'sys/auth/approle/tune', { max_lease_ttl: `${month}s` })
    await world.bao.root('POST', 'auth/approle/role/mayfly', { token_ttl: `${month}s`, token_max_ttl: `${month}s` })
    await vault.mint(vault.order(ORDERS_READER))
    const seen = vault.faults.exchanges.length
    for (let sweep = 0; sweep < 20; sweep += 1) await vault.provider.upkeep?.(AbortSignal.timeout(5_000))
    await wait(50)
    await world.bao.root('POST', 'auth/approle/role/mayfly', { token_ttl: '1h', token_max_ttl: '24h' })
    expect(vault.faults.exchanges.slice(seen).map(({ request }) => request.path)).to.not.include(
      '/v1/auth/token/renew-self',
    )
  })

  it('j: commands without a schema put the request options, with the token, into the body', async () => {
    await using vault = await startTestVault(world)
    const raw = nodeVault({ endpoint: vault.faults.url, token: world.bao.rootToken })
    await raw.remount({ requestOptions: { headers: { 'X-Vault-Token': 'canary' } } }).catch(() => undefined)
    expect(vault.faults.exchanges.at(-1)?.request.body).to.include('canary')

    const seen = vault.faults.exchanges.length
    await vault.end(await vault.mint(vault.order(ORDERS_DB)))
    for (const { request } of vault.faults.exchanges.slice(seen)) {
      expect(request.body, request.path).to.not.match(/headers|X-Vault|httpAgent/i)
    }
  })

  it('k: the environment sets the token, the namespace and a prefix, and wins over what a call says', async () => {
    await using proxy = await startFaultProxy(world.bao.url)
    using _ = withEnvironment({
      VAULT_TOKEN: 'stray',
      VAULT_NAMESPACE: 'stray',
      VAULT_PREFIX: '/stray',
      VAULT_ADDR: 'http://stray',
    })
    const raw = nodeVault({ endpoint: proxy.url })
    await raw.read('sys/health', { headers: { 'X-Vault-Namespace': 'mine' } }).catch(() => undefined)
    const { request: theirs } = proxy.exchanges[0]!
    expect(theirs.headers).to.include({ 'x-vault-token': 'stray', 'x-vault-namespace': 'stray' })
    expect(theirs.path).to.equal('/v1/stray/sys/health')

    await createTransport({ address: proxy.url, namespace: 'mine', ca: () => Promise.resolve(null), callMs: 2_000 })(
      HEALTH,
    )
    const { request: ours } = proxy.exchanges[1]!
    expect(ours.headers).to.include({ 'x-vault-namespace': 'mine' }).and.not.have.property('x-vault-token')
    expect(ours.path).to.equal('/v1/sys/health')
  })

  it('l: any answer to a path with sys/health in it is a success', async () => {
    await using proxy = await startFaultProxy(world.bao.url)
    using _ = proxy.inject({ kind: 'answer', status: 503, body: '{"errors":["sealed"]}' })
    expect(await nodeVault({ endpoint: proxy.url }).read('sys/health')).to.deep.equal({ errors: ['sealed'] })
    expect(await transportTo(proxy.url)(HEALTH)).to.include({ kind: 'answered', status: 503 })
  })

  it('m: a redirect is followed to another host, with the token', async () => {
    await using elsewhere = await startFaultProxy(world.bao.url)
    await using proxy = await startFaultProxy(world.bao.url)
    const headers = { location: `${elsewhere.url}/v1/sys/health` }
    using _ = proxy.inject({ kind: 'answer', status: 307, headers, body: '' })
    await nodeVault({ endpoint: proxy.url, token: 'canary' }).read('sys/health')
    expect(elsewhere.exchanges.map(({ request }) => request.headers['x-vault-token'])).to.deep.equal(['canary'])

    const answer = await transportTo(proxy.url)({ ...HEALTH, token: new Secret('canary') })
    expect(answer).to.deep.equal({ kind: 'unanswered', why: 'ANOTHER_HOST' })
    expect(elsewhere.exchanges).to.have.length(1)
  })

  it('m, over TLS: a redirect leads out of it', async () => {
    await using bao = await startOpenBao({ tls: true })
    await using elsewhere = await startFaultProxy(world.bao.url)
    const [key, cert] = await Promise.all(
      ['vault-key.pem', 'vault-cert.pem'].map((name) => readFile(join(dirname(bao.caFile ?? ''), name))),
    )
    const server = createServer({ key, cert }, (_, response) =>
      response.writeHead(307, { location: `${elsewhere.url}/v1/sys/health` }).end(),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const ca = await readFile(bao.caFile ?? '', 'utf8')
    const raw = nodeVault({ endpoint: address, token: 'canary', requestOptions: { ca } })
    await raw.read('sys/health')
    expect(elsewhere.exchanges.map(({ request }) => request.headers['x-vault-token'])).to.deep.equal(['canary'])

    const ask = createTransport({ address, namespace: null, ca: () => Promise.resolve(ca), callMs: 2_000 })
    const answer = await ask({ ...HEALTH, token: new Secret('canary') })
    server.close()
    expect(answer).to.deep.equal({ kind: 'unanswered', why: 'ANOTHER_HOST' })
    expect(elsewhere.exchanges).to.have.length(1)
  })

  it('n: a proxy of the environment gets the request, with the token', async () => {
    await using elsewhere = await startFaultProxy(world.bao.url)
    using _ = withEnvironment({ HTTP_PROXY: elsewhere.url, http_proxy: elsewhere.url, NO_PROXY: '', no_proxy: '' })
    await nodeVault({ endpoint: world.bao.url, token: 'canary' }).read('sys/health')
    expect(elsewhere.exchanges.map(({ request }) => request.headers['x-vault-token'])).to.deep.equal(['canary'])

    const answer = await transportTo(world.bao.url)({ ...HEALTH, token: new Secret('canary') })
    expect(answer).to.deep.equal({ kind: 'unanswered', why: 'ANOTHER_HOST' })
    expect(elsewhere.exchanges).to.have.length(1)
  })
})

const HEALTH: VaultRequest = {
  method: 'GET',
  path: 'sys/health',
  token: null,
  get signal() {
    return AbortSignal.timeout(5_000)
  },
}

const transportTo = (address: string, callMs = 2_000): Transport =>
  createTransport({ address, namespace: null, ca: () => Promise.resolve(null), callMs })
