import { expect } from 'chai'
import type { UpstreamOrder } from '../../../src/broker/provider-port.ts'
import { shipped } from '../../support/backends/openbao.ts'
import { until } from '../../support/until.ts'
import {
  ORDERS_DB,
  startTestVault,
  vaultWorldOfSuite,
  usersOf,
  type TestMinted,
  type TestVault,
  type VaultWorld,
} from './support/vault-world.ts'

const soon = (): AbortSignal => AbortSignal.timeout(10_000)
const loginOf = ({ value }: TestMinted) => ({
  user: value.data.username as string,
  password: value.data.password as string,
})

describe('a database user through Vault', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  it('can log in while its credential lives; once that is revoked it is gone and its open sessions are cut', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_DB))
    await using session = await world.postgres.login(loginOf(minted))
    expect((await session.query('SELECT id FROM orders')).rows).to.deep.equal([{ id: 1 }, { id: 2 }])
    await vault.end(minted)
    expect(await usersOf(world, minted.revocable.handle)).to.deep.equal([])
    await until('the session is cut', session.cut)
    expect(await refusal(loginOf(minted))).to.match(/password authentication failed/)
  })

  describe('that tries to log in all the while that it is revoked', () => {
    /** Sessions of users that Vault made, after a revocation by these statements, with a pause before the last. */
    async function sessionsLeft(statements: readonly string[]): Promise<number> {
      await using vault = await startTestVault(world)
      const paused = statements.toSpliced(-1, 0, 'SELECT pg_sleep(0.2)')
      await world.writeDatabaseRole({ revocation_statements: paused })
      const minted = await vault.mint(vault.order(ORDERS_DB))
      await using opened = new AsyncDisposableStack()
      let ended = false
      const knock = async (): Promise<void> => {
        while (!ended)
          await world.postgres.login(loginOf(minted)).then(
            (session) => opened.use(session),
            () => undefined,
          )
      }
      const knocking = [knock(), knock()]
      await vault.end(minted)
      ended = true
      await Promise.all(knocking)
      await world.writeDatabaseRole()
      const { rows } = await world.postgres.admin(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IS NULL",
      )
      return Number(rows[0].count)
    }

    it('gets no session that outlives it', async () => {
      expect(await sessionsLeft((await shipped('revocation.sql')).trim().split('\n'))).to.equal(0)
    })

    it('would keep one if logins were forbidden in the same transaction: a control', async () => {
      const [, , ...rest] = (await shipped('revocation.sql')).trim().split('\n')
      expect(await sessionsLeft(['ALTER ROLE "{{name}}" NOLOGIN', ...rest])).to.be.greaterThan(0)
    })
  })

  it('keeps its sessions where the revocation only drops it: a control', async () => {
    await using vault = await startTestVault(world)
    await world.writeDatabaseRole({ revocation_statements: ['DROP ROLE IF EXISTS "{{name}}"'] })
    const minted = await vault.mint(vault.order(ORDERS_DB))
    await using session = await world.postgres.login(loginOf(minted))
    await vault.end(minted)
    await world.writeDatabaseRole()
    expect((await session.query('SELECT 1 AS alive')).rows).to.deep.equal([{ alive: 1 }])
  })

  it('is named after its credential, and ends in the database itself with its lease, however long its role allows', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_DB, 120_000))
    const [name] = await usersOf(world, minted.revocable.handle)
    expect(name).to.equal(loginOf(minted).user)
    const { rows } = await world.postgres.admin(
      `SELECT extract(epoch FROM rolvaliduntil - now()) AS left FROM pg_roles WHERE rolname = '${name}'`,
    )
    expect(Number(rows[0].left), 'an hour by its role').to.be.within(110, 126)
    await vault.end(minted)
  })

  it('lives on to the end of its lease where its role gives less at first', async () => {
    await using vault = await startTestVault(world)
    await world.writeDatabaseRole({ default_ttl: '5s' })
    const minted = await vault.mint(vault.order(ORDERS_DB, 120_000))
    await world.writeDatabaseRole()
    expect(minted.minted.expiresAt - vault.now()).to.be.within(115_000, 120_000)
    await vault.end(minted)
  })

  it('says when it really ends where its role allows no more', async () => {
    await using vault = await startTestVault(world)
    await world.writeDatabaseRole({ default_ttl: '5s', max_ttl: '20s' })
    const minted = await vault.mint(vault.order(ORDERS_DB, 120_000))
    await world.writeDatabaseRole()
    expect(minted.minted.expiresAt - vault.now()).to.be.within(15_000, 20_000)
    await vault.end(minted)
  })

  it('that the database does not take back is not gone: a 400 is tried again, and works after the mend', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_DB))
    await world.postgres.admin('ALTER ROLE openbao NOCREATEROLE')
    const answer = await vault.provider.revoke(minted.revocable, soon())
    expect(vault.faults.exchanges.at(-1)?.answer?.status).to.equal(400)
    expect(answer.class).to.equal('unknown')
    expect(await usersOf(world, minted.revocable.handle)).to.have.length(1)
    await world.postgres.admin('ALTER ROLE openbao CREATEROLE')
    await vault.end(minted)
    expect(await usersOf(world, minted.revocable.handle)).to.deep.equal([])
  })

  it('of a database that is down is unreachable, and is revoked once that is back', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_DB))
    await world.postgres.stop()
    const answer = await vault.provider.revoke(minted.revocable, soon())
    expect(answer).to.have.property('class', 'unreachable')
    expect(answer).to.have.property('detail').that.does.not.include('openbao')
    await world.postgres.start()
    await vault.end(minted)
    expect(await usersOf(world, minted.revocable.handle)).to.deep.equal([])
  })

  it('of a database that hangs is given up at our own time limit, and is revoked once that goes on', async () => {
    await using vault = await startTestVault(world, { timings: { callMs: 400 } })
    const minted = await vault.mint(vault.order(ORDERS_DB))
    {
      using _ = await world.postgres.freeze()
      const answer = await vault.provider.revoke(minted.revocable, soon())
      expect(answer).to.deep.include({ class: 'unreachable' })
    }
    await until(
      'it is revoked',
      async () => (await vault.provider.revoke(minted.revocable, soon())).class === 'revoked',
    )
    expect(await usersOf(world, minted.revocable.handle)).to.deep.equal([])
  })

  it('is gone with its token where the answer that named its lease was lost', async () => {
    await using vault = await startTestVault(world)
    const { order, recorded } = await failAt(vault, /database\/creds/)
    expect(await usersOf(world, order.credential), 'a control').to.have.length(1)
    const plan = vault.provider.plan(order)
    if (!plan.ok) return expect.fail('no plan')
    const what = { ...plan.value, grant: order.grant.name, recorded, issuedAt: order.now }
    const answer = await vault.provider.revoke(what, soon())
    expect(answer).to.have.property('class', 'revoked')
    expect(answer).to.have.property('effectiveAfter').that.is.a('number')
    await until('the user is gone', async () => (await usersOf(world, order.credential)).length === 0)
  })

  it('is never handed out without its lease, nor from a path that makes none', async () => {
    await using vault = await startTestVault(world)
    await world.bao.root('PUT', 'sys/policies/acl/mayfly-secrets', {
      policy: `${await shipped('secrets.hcl')}\npath "secret/data/orders" { capabilities = ["read"] }`,
    })
    const order = vault.order({ ...ORDERS_DB, path: 'secret/data/orders' })
    const error: unknown = await vault.mint(order).catch((caught: unknown) => caught)
    await world.bao.root('PUT', 'sys/policies/acl/mayfly-secrets', { policy: await shipped('secrets.hcl') })
    expect(error)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/makes no secret with a lease/)
  })

  async function refusal(login: { readonly user: string; readonly password: string }): Promise<string> {
    return await world.postgres.login(login).then(
      () => 'let in',
      (error: unknown) => String(error),
    )
  }
})

/** A mint whose answer is lost at a path, and what had been recorded by then. */
async function failAt(
  vault: TestVault,
  path: RegExp,
): Promise<{ readonly order: UpstreamOrder; readonly recorded: TestMinted['revocable']['recorded'] }> {
  using _ = vault.faults.inject({ kind: 'cut-answer' }, (request) => path.test(request.path))
  const order = vault.order(ORDERS_DB)
  const error: unknown = await vault.mint(order).catch((caught: unknown) => caught)
  expect(error).to.be.an('error')
  return { order, recorded: vault.recorded.at(-1) ?? null }
}
