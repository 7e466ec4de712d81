import { expect } from 'chai'
import fc from 'fast-check'
import { checkPolicies, checkSecretPath, isNamespace } from '../../../src/providers/vault/names.ts'

describe('a name at a Vault', () => {
  const good = ['database/creds/orders-ro', 'team_db/creds/ORDERS', 'a/b', `x/${'y'.repeat(64)}`]
  for (const path of good) it(`may be ${path.slice(0, 40)}`, () => expect(checkSecretPath(path).ok).to.be.true)

  const bad = [
    ['', 'nothing'],
    ['database', 'a mount alone'],
    ['/database/creds/a', 'a slash in front'],
    ['database/creds/a/', 'a slash behind'],
    ['database//a', 'an empty part'],
    ['database/../sys/mounts', 'a step up'],
    ['database/./a', 'a step on the spot'],
    ['database/creds/a%2e%2e', 'an escape'],
    ['database/creds/a?list=true', 'a query'],
    ['database/creds/a#b', 'a fragment'],
    ['database/creds/a b', 'a blank'],
    ['database/creds/a\n', 'a line break'],
    ['database/creds/é', 'a letter from elsewhere'],
    [`database/creds/${'y'.repeat(65)}`, 'more than 64 letters'],
    ['sys/leases/revoke', "the system's own paths"],
    ['auth/token/create', 'logins and tokens'],
    ['identity/oidc/token/role', 'identities'],
    ['cubbyhole/x', 'the cubbyhole'],
  ] as const
  for (const [path, why] of bad) it(`is refused for ${why}`, () => expect(checkSecretPath(path).ok).to.be.false)

  it('that passes stays in its path, whatever a client makes of it', () => {
    const part = fc.oneof(
      fc.stringMatching(/^[\w-]{1,8}$/),
      fc.stringMatching(/^[\w.%/-]{1,8}$/),
      fc.string({ maxLength: 8 }),
    )
    const paths = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'))
    let passed = 0
    fc.assert(
      fc.property(paths, (path) => {
        if (!checkSecretPath(path).ok) return
        passed += 1
        const url = new URL(`http://vault.test/v1/${path}`)
        expect(url.pathname + url.search + url.hash).to.equal(`/v1/${path}`)
      }),
      { numRuns: 3_000 },
    )
    expect(passed, 'a control').to.be.greaterThan(50)
  })

  it('of a policy is lower-case, as Vault keeps it, never root, and there is at least one', () => {
    expect(checkPolicies(['orders-reader', 'other']).ok).to.be.true
    for (const policies of [[], ['root'], ['orders-reader', 'root'], ['Orders'], ['a,b'], ['']])
      expect(checkPolicies(policies).ok, policies.join()).to.be.false
  })

  it('of a namespace has no slash around it', () => {
    expect(isNamespace('team-a/dev')).to.be.true
    for (const name of ['', '/', 'team-a/', '/team-a', 'a//b', '..', 'a/../b'])
      expect(isNamespace(name), name).to.be.false
  })
})
