import { expect } from 'chai'
import { refuseEnvironment, refuseSettings } from '../../../src/providers/vault/refuse-settings.ts'
import { VAULT_NAMES, type VaultSettings } from '../../../src/providers/vault/settings.ts'

const GOOD: VaultSettings = {
  name: 'vault-main',
  address: 'https://vault.internal:8200',
  namespace: null,
  caFile: null,
  auth: { method: 'jwt', mount: 'jwt', role: 'mayfly', jwtFile: '/run/jwt' },
  ...VAULT_NAMES,
}

describe('the settings of a Vault', () => {
  const fine: readonly Partial<VaultSettings>[] = [
    {},
    { address: 'https://vault.internal' },
    { address: 'https://vault.internal/' },
    { address: 'http://127.0.0.1:8200' },
    { address: 'http://[::1]:8200' },
    { namespace: 'team-a/dev' },
  ]
  for (const over of fine)
    it(`may say ${JSON.stringify(over)}`, () => expect(refuseSettings({ ...GOOD, ...over }, {})).to.be.null)

  const unsafe: readonly (readonly [string, Partial<VaultSettings>])[] = [
    ['plain http to another machine', { address: 'http://vault.internal:8200' }],
    ['a name that only sounds like this machine', { address: 'http://localhost.evil.test:8200' }],
    ['a path', { address: 'https://vault.internal/prefix' }],
    ['a user', { address: 'https://user:pass@vault.internal' }],
    ['a query', { address: 'https://vault.internal?x' }],
    ['another scheme', { address: 'ftp://vault.internal' }],
    ['no address', { address: 'vault.internal:8200' }],
    ['a namespace that climbs', { namespace: '../root' }],
    ['an empty namespace', { namespace: '' }],
    ['a mount that climbs', { auth: { method: 'jwt', mount: '../token', role: 'mayfly', jwtFile: '/run/jwt' } }],
    ['a token role that climbs', { parentRole: '../create' }],
    ['a policy that is none', { secretsPolicy: 'a b' }],
  ]
  for (const [what, over] of unsafe) {
    it(`are refused for ${what}`, () => {
      const refused = refuseSettings({ ...GOOD, ...over }, {})
      expect(refused).to.have.property('mend').that.is.a('string').and.is.not.empty
    })
  }
})

describe('the environment of a broker with a Vault', () => {
  for (const value of ['true', '1', 'false', '0', '']) {
    it(`is refused with VAULT_SKIP_VERIFY=${value}, which node-vault takes for a yes or may one day`, () => {
      expect(refuseEnvironment({ VAULT_SKIP_VERIFY: value })?.mend).to.match(/Unset it/)
    })
  }
  for (const value of ['*', 'node-vault', 'express,node-*', 'follow-redirects', 'a axios b']) {
    it(`is refused with DEBUG=${value}, which prints tokens`, () => {
      expect(refuseEnvironment({ DEBUG: value })?.detail).to.match(/print requests with their tokens/)
    })
  }
  for (const value of ['', 'express:*', '-node-vault', 'vault', 'mayfly', '.*']) {
    it(`may have DEBUG=${value}`, () => expect(refuseEnvironment({ DEBUG: value })).to.be.null)
  }
})
