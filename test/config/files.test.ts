import { expect } from 'chai'
import { chmod, mkdir, writeFile } from 'node:fs/promises'

import { fileSources } from '../../src/config/file-sources.ts'
import { loadConfiguration } from '../../src/config/load-configuration.ts'
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'
import { KEY_SET, LEAST, load, loaded, said } from './support/configuration-files.ts'

const own = {
  name: 'own',
  type: 'jwks',
  issuer: 'x',
  audience: 'mayfly',
  algorithms: ['EdDSA'],
  jwks_file: './keys/jwks.json',
}
const settings = {
  ...LEAST,
  issuers: [...LEAST.issuers, own],
  keys: { seal_key_file: '../seal.key' },
  rules: ['./rules/own.yaml'],
}

/** A configuration on disk, with everything that it names. */
async function written(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder()
  for (const name of ['etc/rules', 'etc/keys']) await mkdir(folder.at(name), { recursive: true })
  await writeFile(folder.at('etc/mayfly.yaml'), JSON.stringify(settings))
  await writeFile(folder.at('etc/rules/own.yaml'), 'version: 1')
  await writeFile(folder.at('etc/keys/jwks.json'), KEY_SET, { mode: 0o644 })
  await writeFile(folder.at('seal.key'), 'A'.repeat(43), { mode: 0o600 })
  return folder
}
const read = (folder: TemporaryFolder) => loadConfiguration(folder.at('etc/mayfly.yaml'), fileSources({}))

describe('the files that a configuration names', () => {
  it('are relative to the file that names them, wherever the broker was started', async () => {
    await using folder = await written()
    const { configuration, faults } = read(folder)
    expect(faults).to.deep.equal([])
    expect(configuration?.sealKey).to.deep.equal({ from: 'file', file: folder.at('seal.key') })
    expect(configuration?.server.dataDir).to.equal(folder.at('etc/data'))
    expect(configuration?.issuers[1]).to.deep.include({ keys: { file: folder.at('etc/keys/jwks.json') } })
    expect(configuration?.files).to.deep.equal(
      ['etc/mayfly.yaml', 'etc/rules/own.yaml', 'etc/keys/jwks.json'].map(folder.at),
    )
  })

  it('may be absolute', () => {
    const world = { files: { '/srv/rules.yaml': 'version: 1', '/run/seal.key': '' } }
    const file = loaded({ ...LEAST, keys: { seal_key_file: '/run/seal.key' }, rules: ['/srv/rules.yaml'] }, world)
    expect(file.sealKey).to.deep.equal({ from: 'file', file: '/run/seal.key' })
    expect(file.files).to.include('/srv/rules.yaml')
  })

  for (const mode of [0o640, 0o604, 0o620, 0o610, 0o601, 0o644, 0o777]) {
    it(`are refused if they hold a secret that others may use: mode ${mode.toString(8)}`, async () => {
      await using folder = await written()
      await chmod(folder.at('seal.key'), mode)
      expect(said(read(folder).faults)).to.deep.equal([
        `Others than its owner may use ${folder.at('seal.key')} (mode 0${mode.toString(8)}). Run: chmod 600 '${folder.at('seal.key')}'`,
      ])
    })
  }

  for (const mode of [0o600, 0o400]) {
    it(`may hold a secret with mode ${mode.toString(8)}`, async () => {
      await using folder = await written()
      await chmod(folder.at('seal.key'), mode)
      expect(read(folder).faults).to.deep.equal([])
    })
  }

  it('may be readable by all where they are public', async () => {
    await using folder = await written()
    await chmod(folder.at('etc/keys/jwks.json'), 0o666)
    expect(read(folder).faults).to.deep.equal([])
  })

  const missing: readonly (readonly [what: string, settings: object, place: string])[] = [
    ['rules', { ...LEAST, rules: ['./none'] }, '/etc/mayfly/none'],
    ['public keys', { ...LEAST, issuers: [...LEAST.issuers, { ...own, jwks_file: 'none' }] }, '/etc/mayfly/none'],
    ['a seal key', { ...LEAST, keys: { seal_key_file: '/none' } }, '/none'],
  ]
  for (const [what, broken, path] of missing) {
    it(`must be there: ${what}`, () => {
      expect(said(load(broken).faults)).to.deep.equal([
        `${path} cannot be read (ENOENT). Write the path of a file that the broker may read; it is relative to the file that names it.`,
      ])
    })
  }

  it('must be there: the configuration itself', () => {
    const { configuration, faults } = loadConfiguration('/nowhere/mayfly.yaml', fileSources({}))
    expect(configuration).to.equal(null)
    expect(faults).to.deep.equal([
      {
        file: '/nowhere/mayfly.yaml',
        line: 1,
        column: 1,
        message: '/nowhere/mayfly.yaml cannot be read (ENOENT)',
        mend: 'Write the path of a file that the broker may read; it is relative to the file that names it.',
      },
    ])
  })

  for (const text of ['', 'kty: OKP', '{"kty":"OKP"}', '{"keys":{}}', '{"keys":[],"keys":[]}']) {
    it(`must be what they stand for: ${JSON.stringify(text)} is no key set`, () => {
      const world = { files: { '/etc/mayfly/keys/jwks.json': text } }
      expect(said(load({ ...LEAST, issuers: [own, ...LEAST.issuers] }, world).faults)).to.deep.equal([
        '/etc/mayfly/keys/jwks.json is not a JWK set. Write the issuer\'s public keys as { "keys": [...] } (RFC 7517 section 5).',
      ])
    })
  }

  it('have faults of their own in their own words', () => {
    const world = { files: { '/etc/mayfly/rules.yaml': 'version: 1\nversion: 1' } }
    expect(load(LEAST, world).faults).to.deep.include({
      file: '/etc/mayfly/rules.yaml',
      line: 2,
      column: 1,
      message: 'Map keys must be unique',
      mend: 'Mend the YAML there.',
    })
  })
})

describe('a secret in a configuration', () => {
  const keys = { seal_key: '${env:MAYFLY_SEAL_KEY}' }

  it('comes from the environment by explicit reference, and shows itself nowhere', () => {
    const configuration = loaded({ ...LEAST, keys }, { env: { MAYFLY_SEAL_KEY: 'canary' } })
    const { sealKey } = configuration
    expect(sealKey).to.include({ from: 'environment', variable: 'MAYFLY_SEAL_KEY' })
    expect(sealKey.from === 'environment' && sealKey.value.unwrap()).to.equal('canary')
    expect(JSON.stringify(configuration)).not.to.include('canary')
  })

  for (const env of [{}, { MAYFLY_SEAL_KEY: '' }, { mayfly_seal_key: 'x' }]) {
    it(`is missing from the environment ${JSON.stringify(env)}`, () => {
      expect(said(load({ ...LEAST, keys }, { env }).faults)).to.deep.equal([
        'The environment has no MAYFLY_SEAL_KEY. Set it before the start, or use keys.seal_key_file.',
      ])
    })
  }

  for (const inline of [
    'AAAA',
    '$MAYFLY_SEAL_KEY',
    '${MAYFLY_SEAL_KEY}',
    'x${env:MAYFLY_SEAL_KEY}',
    '${env:A}${env:B}',
    '${env:}',
  ]) {
    it(`is never inline: ${inline}`, () => {
      const [fault] = load({ ...LEAST, keys: { seal_key: inline } }, { env: { MAYFLY_SEAL_KEY: 'x' } }).faults
      expect(fault?.message).to.include('must be an environment reference')
    })
  }

  it('is named once', () => {
    const both = { seal_key: '${env:A}', seal_key_file: './seal.key' }
    const world = { env: { A: 'x' }, files: { '/etc/mayfly/seal.key': '' } }
    expect(said(load({ ...LEAST, keys: both }, world).faults)).to.deep.equal([
      'keys names two seal keys. Keep one of seal_key_file and seal_key.',
    ])
  })
})
