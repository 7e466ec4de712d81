import { expect } from 'chai'
import { judgeDatabaseRole, judgeParentRole } from '../../../src/providers/vault/judge-role.ts'
import { VAULT_NAMES, type VaultSettings } from '../../../src/providers/vault/settings.ts'
import type { VaultAnswer } from '../../../src/providers/vault/transport.ts'
import { shipped } from '../../support/backends/openbao.ts'
import { ORDERS_DB, ORDERS_READER } from './support/vault-world.ts'

const SETTINGS: VaultSettings = {
  name: 'vault-main',
  address: 'https://vault.internal:8200',
  namespace: null,
  caFile: null,
  auth: { method: 'token', tokenFile: '/run/token' },
  ...VAULT_NAMES,
}
const answer = (data: object, status = 200): VaultAnswer => ({ kind: 'answered', status, body: { data: { ...data } } })

describe('the SQL of a database role', () => {
  const judge = (creation: string, revocation: string) =>
    judgeDatabaseRole(
      'grant orders-db',
      'database/roles/orders-ro',
      answer({ creation_statements: [creation], revocation_statements: [revocation] }),
    )

  it('as it is shipped ends users by themselves, and their sessions', async () => {
    const found = judge(await shipped('creation.sql'), await shipped('revocation.sql'))
    expect(found).to.include({ ok: true, mend: null })
  })

  const unsafe: readonly (readonly [string, string | null, string | null])[] = [
    ['no VALID UNTIL', `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, null],
    ['VALID UNTIL in a comment', `CREATE ROLE "{{name}}" LOGIN; -- VALID UNTIL '{{expiration}}'`, null],
    ['VALID UNTIL in a long comment', `CREATE ROLE "{{name}}" LOGIN /* VALID UNTIL\n'{{expiration}}' */`, null],
    ['VALID UNTIL infinity', `CREATE ROLE "{{name}}" LOGIN VALID UNTIL 'infinity'`, null],
    ["Vault's own revocation, which leaves sessions open", null, ''],
    ['a revocation that leaves sessions open', null, 'DROP ROLE IF EXISTS "{{name}}"'],
    ['a revocation that leaves the user there', null, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity'],
    ['an end of sessions that is a comment', null, '-- pg_terminate_backend(pid)\nDROP ROLE "{{name}}"'],
  ]
  for (const [what, creation, revocation] of unsafe) {
    it(`is refused for ${what}`, async () => {
      const found = judge(creation ?? (await shipped('creation.sql')), revocation ?? (await shipped('revocation.sql')))
      expect(found.ok).to.be.false
      expect(found.mend).to.be.a('string').that.is.not.empty
    })
  }

  it("is not judged where it is MySQL's, nor where the engine has none", () => {
    expect(judge(`CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'`, '').ok).to.be.true
    expect(judgeDatabaseRole('grant a', 'aws/roles/a', answer({ credential_type: 'iam_user' })).ok).to.be.true
  })

  for (const status of [403, 404, 500])
    it(`that cannot be read (${status}) is a finding`, () =>
      expect(judgeDatabaseRole('grant a', 'database/roles/a', answer({}, status)).ok).to.be.false)
})

describe('the token role of parents', () => {
  const judge = async (over: object) => {
    const role = JSON.parse(await shipped('parent-role.json')) as object
    return judgeParentRole(SETTINGS, [ORDERS_DB, ORDERS_READER], answer({ ...role, token_period: 21_600, ...over }))
  }

  it('as it is shipped is right', async () => expect(await judge({})).to.include({ ok: true, mend: null }))

  const wrong: readonly object[] = [
    { orphan: false },
    { token_period: 0 },
    { renewable: false },
    { token_explicit_max_ttl: 3_600 },
    { token_type: 'batch' },
    { allowed_policies: [] },
    { allowed_policies: null },
    { allowed_policies: ['root', 'mayfly-secrets', 'orders-reader'] },
    { allowed_policies: ['mayfly-parent', 'orders-reader'] },
    { allowed_policies: ['mayfly-parent', 'mayfly-secrets'] },
  ]
  for (const over of wrong) {
    it(`with ${JSON.stringify(over)} is a finding`, async () => {
      const found = await judge(over)
      expect(found).to.include({ check: 'parent role', ok: false })
      expect(found.mend).to.be.a('string').that.is.not.empty
    })
  }
})
