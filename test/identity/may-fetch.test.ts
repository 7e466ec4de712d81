import { expect } from 'chai'
import { mayFetch } from '../../src/identity/may-fetch.ts'

const FETCHED = [
  'https://issuer.test/',
  'https://issuer.test:8443/tenant?x=1',
  'https://10.0.0.1/',
  'http://localhost:8080/',
  'http://LOCALHOST/',
  'http://127.0.0.1:8080/',
  'http://127.1/',
  'http://0x7f.0.0.1/',
  'http://2130706433/',
  'http://[::1]:8080/',
]

const REFUSED = [
  'http://issuer.test/',
  'http://10.0.0.1/',
  'http://0.0.0.0/',
  'http://169.254.169.254/latest/meta-data',
  'http://localhost.evil.test/',
  'http://127.0.0.1.evil.test/',
  'http://127.0.0.1@evil.test/',
  'http://evil.test/#127.0.0.1',
  'http://evil.test\\@127.0.0.1/',
  'http://[::ffff:10.0.0.1]/',
  'http://user:password@127.0.0.1/',
  'https://user@issuer.test/',
  'https://:password@issuer.test/',
  'file:///etc/passwd',
  'ftp://127.0.0.1/',
  'data:application/json,{}',
  'issuer.test',
  '//issuer.test/',
  '',
]

describe('an address of keys', () => {
  for (const address of FETCHED) it(`may be ${address}`, () => expect(mayFetch(address)).to.equal(true))
  for (const address of REFUSED) it(`may not be ${address || 'empty'}`, () => expect(mayFetch(address)).to.equal(false))
})
