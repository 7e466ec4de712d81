import { expect } from 'chai'
import { shipped } from '../../support/backends/openbao.ts'
import { startTestVault, vaultWorldOfSuite, type VaultWorld } from './support/vault-world.ts'

describe('the mend of a finding about the policy', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  const paths = [
    'auth/token/create/mayfly-parent',
    'auth/token/revoke-accessor',
    'sys/leases/revoke',
    'auth/token/renew-accessor',
    'auth/token/lookup-accessor',
    'auth/token/renew-self',
    'sys/leases/renew',
    'database/roles/orders-ro',
  ]
  for (const path of paths) {
    it(`lets the broker use ${path} again when it is followed to the letter`, async () => {
      await world.writeBrokerPolicy([path])
      await using vault = await startTestVault(world)
      const wrong = (await vault.provider.check(AbortSignal.timeout(5_000))).filter(({ ok }) => !ok)
      expect(wrong).to.have.length(1)
      const mend = /^path "[^"]+" \{ capabilities = \["(?:read|update)"\] \}$/gm.exec(wrong[0]?.mend ?? '')?.[0]
      expect(mend, wrong[0]?.mend ?? '').to.be.a('string')
      const lines = (await shipped('broker.hcl')).split('\n').filter((line) => !line.startsWith(`path "${path}"`))
      await world.bao.root('PUT', 'sys/policies/acl/mayfly-broker', { policy: [...lines, mend].join('\n') })
      expect((await vault.provider.check(AbortSignal.timeout(5_000))).filter(({ ok }) => !ok)).to.deep.equal([])
    })
  }
})
