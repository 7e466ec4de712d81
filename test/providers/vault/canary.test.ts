import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { Fault } from '../../support/backends/fault-proxy.ts'
import { ORDERS_DB, ORDERS_READER, startTestVault, vaultWorldOfSuite, type VaultWorld } from './support/vault-world.ts'

const soon = (): AbortSignal => AbortSignal.timeout(5_000)

describe('a secret of a Vault', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  it('is in nothing that the provider says, records or answers, whatever goes wrong and wherever', async () => {
    const { auth, secretId } = await world.appRole()
    await using vault = await startTestVault(world, { settings: { auth }, timings: { callMs: 300 } })
    const said: unknown[] = [vault.provider]
    const run = async (): Promise<void> => {
      for (const grant of [ORDERS_READER, ORDERS_DB]) {
        const order = vault.order(grant)
        const plan = vault.provider.plan(order)
        said.push(order, plan)
        const minted: unknown = await vault.mint(order).catch((caught: unknown) => caught)
        said.push(minted instanceof Error ? minted : (minted as { readonly minted: unknown }).minted)
        const recorded = vault.recorded.at(-1) ?? null
        if (plan.ok)
          said.push(
            await vault.provider.revoke({ ...plan.value, grant: grant.name, recorded, issuedAt: order.now }, soon()),
          )
      }
      vault.advance(31_000)
      said.push(await vault.provider.upkeep?.(soon()).catch((caught: unknown) => caught))
      said.push(await vault.provider.check(soon()))
    }
    await run()
    const paths = [...new Set(vault.faults.exchanges.map(({ request }) => request.path))]
    expect(paths).to.have.length.above(8)
    // An upstream that echoes what it was sent is the worst that an error could be made of.
    const faults: readonly Fault[] = [
      { kind: 'half-answer' },
      { kind: 'answer', status: 400, body: JSON.stringify({ errors: [`bad ${secretId}`], secret_id: secretId }) },
      { kind: 'answer', status: 200, body: JSON.stringify({ auth: { client_token: secretId } }) },
    ]
    for (const path of paths) {
      for (const fault of faults) {
        using _ = vault.faults.inject(fault, (request) => request.path === path)
        await run()
      }
    }
    said.push(vault.recorded)

    const secrets = new Set([secretId])
    for (const { request, answer } of vault.faults.exchanges) {
      const token = request.headers['x-vault-token']
      if (typeof token === 'string') secrets.add(token)
      for (const [, secret] of (answer?.body ?? '').matchAll(/"(?:client_token|password)":"([^"]+)"/g))
        if (secret !== undefined) secrets.add(secret)
    }
    expect(secrets.size).to.be.greaterThan(50)
    const text = said.map(everythingOf).join('\n')
    for (const secret of secrets) expect(text.includes(secret), secret).to.be.false
    expect(text, 'a control: what is no secret is there').to.include('auth/token/create')
    if (auth.method === 'approle') expect(await readFile(auth.secretIdFile, 'utf8')).to.include(secretId)
  })
})

function everythingOf(said: unknown): string {
  const shown = inspect(said, { depth: 12, showHidden: true, getters: true }) + JSON.stringify(said)
  if (!(said instanceof Error)) return shown
  return [shown, said.message, said.stack, everythingOf(said.cause ?? null)].join('\n')
}
