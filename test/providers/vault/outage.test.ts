import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { createVaultProvider } from '../../../src/providers/vault.ts'
import { VAULT_NAMES } from '../../../src/providers/vault/settings.ts'
import { needsBackend } from '../../support/backends/backend.ts'
import { shipped, startOpenBao } from '../../support/backends/openbao.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { ORDERS_READER, startTestVault, QUICK } from './support/vault-world.ts'

describe('an outage of a Vault', function () {
  this.timeout(30_000)
  before(function () {
    needsBackend(this, 'openbao')
  })

  it('loses nothing: what was minted before is taken back after it, under the same parent, by the same login', async () => {
    await using bao = await startOpenBao({ storage: 'raft' })
    await using folder = await temporaryFolder()
    for (const name of ['broker', 'parent'])
      await bao.root('PUT', `sys/policies/acl/mayfly-${name}`, { policy: await shipped(`${name}.hcl`) })
    await bao.root('POST', 'auth/token/roles/mayfly-parent', JSON.parse(await shipped('parent-role.json')))
    const asked = { policies: ['mayfly-broker'], no_default_policy: true, no_parent: true, period: '24h' }
    const { client_token } = (await bao.root('POST', 'auth/token/create', asked)).auth
    await writeFile(folder.at('token'), client_token as string)
    const settings = { auth: { method: 'token', tokenFile: folder.at('token') } } as const
    await using vault = await startTestVault({ bao, appRole: noAppRole }, { settings, grants: [ORDERS_READER] })
    const minted = await vault.mint(vault.order(ORDERS_READER, 3_600_000))
    const parent = minted.revocable.recorded?.['parent']

    await bao.stop()
    const during = await vault.provider.revoke(minted.revocable, AbortSignal.timeout(5_000))
    expect(during).to.have.property('class', 'unreachable')
    expect((await vault.provider.check(AbortSignal.timeout(5_000))).at(-1)).to.include({
      check: 'reachable',
      ok: false,
    })
    const lost: unknown = await vault.mint(vault.order(ORDERS_READER)).catch((caught: unknown) => caught)
    expect(lost).to.be.an('error')

    await bao.start()
    const again = await vault.mint(vault.order(ORDERS_READER))
    expect(again.revocable.recorded).to.have.property('parent', parent)
    await vault.end(again)
    await vault.end(minted)
    expect((await bao.call('GET', 'auth/token/lookup-self', { token: minted.value.token })).status).to.equal(403)
  })

  it('at the start does not keep the broker from starting', () => {
    const settings = {
      name: 'vault-main',
      address: 'http://127.0.0.1:1',
      namespace: null,
      caFile: '/nowhere',
      auth: { method: 'token', tokenFile: '/nowhere' },
      ...VAULT_NAMES,
    } as const
    const parts = { clock: Date.now, env: {}, grants: () => [], recorded: () => Promise.resolve([]), timings: QUICK }
    expect(createVaultProvider(settings, parts).kind).to.equal('upstream')
  })
})

const noAppRole = (): never => {
  throw new Error('There is no AppRole here')
}
