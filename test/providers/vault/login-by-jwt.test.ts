import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { exportSPKI, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { startTestVault, vaultWorldOfSuite, type VaultWorld } from './support/vault-world.ts'

describe('a login at a Vault by JWT that does not work', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))
  let key: CryptoKey
  before(async function () {
    const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
    key = pair.privateKey
    await world.bao.root('POST', 'sys/auth/jwt', { type: 'jwt' })
    await world.bao.root('POST', 'auth/jwt/config', { jwt_validation_pubkeys: [await exportSPKI(pair.publicKey)] })
    await writeRole('vault')
  })

  const writeRole = (audience: string): Promise<unknown> =>
    world.bao.root('POST', 'auth/jwt/role/mayfly', {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: [audience],
      token_policies: ['mayfly-broker'],
      token_no_default_policy: true,
    })

  /** What a check finds wrong, with a token of that audience and that end in the file. */
  async function wrongWith(aud: string, exp: string | number = '5m') {
    const jwt = await new SignJWT({ aud })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer('https://platform.test')
      .setSubject('mayfly')
      .setIssuedAt()
      .setExpirationTime(exp)
      .sign(key)
    return { jwt, wrong: await wrongIn(jwt) }
  }
  async function wrongIn(text: string) {
    const jwtFile = world.folder.at('platform-token')
    await writeFile(jwtFile, text, { mode: 0o600 })
    const auth = { method: 'jwt', mount: 'jwt', role: 'mayfly', jwtFile } as const
    await using vault = await startTestVault(world, { settings: { auth } })
    return (await vault.provider.check(AbortSignal.timeout(5_000))).filter(({ ok }) => !ok)
  }

  it('for the audience is said to be so, and works when the mend is followed', async () => {
    const { jwt, wrong } = await wrongWith('https://elsewhere.test')
    expect(wrong).to.have.length(1)
    expect(wrong[0]?.detail).to.match(
      /login with 400\. .* audience "https:\/\/elsewhere\.test" and the subject "mayfly"/,
    )
    expect(wrong[0]?.mend).to.include('bound_audiences').and.include('auth/jwt/role/mayfly')
    expect(JSON.stringify(wrong), 'the token is a secret').to.not.include(jwt.split('.')[2])
    await writeRole('https://elsewhere.test')
    expect((await wrongWith('https://elsewhere.test')).wrong).to.deep.equal([])
    await writeRole('vault')
  })

  it('for its age, or because there is none, is said to be so', async () => {
    const { wrong } = await wrongWith('vault', Math.floor(Date.now() / 1000) - 600)
    expect(wrong[0]?.detail).to.match(/ended at 20/)
    expect((await wrongIn('not a token'))[0]?.detail).to.match(/holds no JWT: it is not three non-empty parts/)
    expect((await wrongIn('')).map(({ check }) => check)).to.deep.equal(['login'])
  })

  it('is no finding where it works: a control', async () => {
    expect((await wrongWith('vault')).wrong).to.deep.equal([])
  })
})
