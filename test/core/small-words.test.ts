import { expect } from 'chai'
import fc from 'fast-check'

import { isReplaceable, type Credential } from '../../src/core/credential.ts'
import { describeFault, faultAt } from '../../src/core/fault.ts'
import { isLoopback } from '../../src/core/is-loopback.ts'
import { LEASE_STATES, type Lease } from '../../src/core/lease.ts'
import { selects } from '../../src/core/name-pattern.ts'
import { nearest } from '../../src/core/nearest.ts'
import { samePerson } from '../../src/core/person.ts'
import { err, ok } from '../../src/core/result.ts'
import { hasRole, ROLES } from '../../src/core/role.ts'
import { standingOf } from '../../src/core/standing.ts'
import { rfc3339, rfc3339OrNull } from '../../src/core/time.ts'

describe('roles', () => {
  it('are cumulative', () => {
    const may = ROLES.map((role) => ROLES.filter((needed) => hasRole(role, needed)))
    expect(may).to.deep.equal([
      ['viewer'],
      ['viewer', 'approver'],
      ['viewer', 'approver', 'operator'],
      ['viewer', 'approver', 'operator', 'admin'],
    ])
  })
})

describe('a name pattern', () => {
  it('selects one name, or everything below a trailing .*', () => {
    const name = fc.stringMatching(/^[a-z]{1,3}(\.[a-z]{1,3}){0,3}$/)
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(selects(one, other)).to.equal(one === other)
        expect(selects(`${one}.*`, other)).to.equal(other.startsWith(`${one}.`))
      }),
    )
  })

  it('gives no meaning to signs that are special elsewhere', () => {
    for (const pattern of ['.*', 'a|b', '^a$', 'a.', '[a]', 'a*', '*', 'A', '(?:a)', ''])
      expect(selects(pattern, 'a'), pattern).to.equal(false)
    expect(selects('a.b', 'axb')).to.equal(false)
  })
})

describe('the word that was probably meant', () => {
  it('is the nearest one, within two letters', () => {
    expect(nearest('ownr', ['id', 'owner', 'trust'])).to.equal('owner')
    expect(nearest('trust_domian', ['trust', 'trust_domain'])).to.equal('trust_domain')
    expect(nearest('telemetry', ['id', 'owner'])).to.equal(undefined)
    expect(nearest('x', [])).to.equal(undefined)
  })
})

describe('an address of loopback', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.255.0.9', '::1', '[::1]']) {
    it(`is ${host}`, () => {
      expect(isLoopback(host)).to.equal(true)
    })
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '127.0.0.1.example',
    'localhost.example',
    'xlocalhost',
    '127.1',
    '',
    '[::2]',
    '1270.0.0.1',
    '::ffff:127.0.0.1',
  ]) {
    it(`is not ${JSON.stringify(host)}`, () => {
      expect(isLoopback(host)).to.equal(false)
    })
  }
})

describe('a person', () => {
  it('is the same whatever the case of the address, and nobody else', () => {
    expect(samePerson('Dana@Example.com', 'dana@example.COM')).to.equal(true)
    expect(samePerson('dana@example.com', 'dana@example.org')).to.equal(false)
    expect(samePerson('dana@example.com', ' dana@example.com')).to.equal(false)
  })
})

describe('the times of a lease and its credentials', () => {
  it('let a lease be used up to, and not at, its end, and only while it is active', () => {
    const standing = (state: Lease['state'], now: number) =>
      standingOf({ lease: { state, activatedAt: 0, expiresAt: 1000 } as Lease, ancestors: [], marks: [], now })
    expect([999, 1000, 1001].map((now) => standing('active', now))).to.deep.equal([
      'usable',
      'lease_expired',
      'lease_expired',
    ])
    for (const state of LEASE_STATES.filter((each) => each !== 'active'))
      expect(standing(state, 0), state).to.equal('lease_not_active')
  })

  it('let a credential be replaced in its last third, or once it is closed', () => {
    const credential = (state: Credential['state']) => ({ state, issuedAt: 0, expiresAt: 300 }) as Credential
    expect([0, 199, 200, 300].map((now) => isReplaceable(credential('active'), now))).to.deep.equal([
      false,
      false,
      true,
      true,
    ])
    expect(isReplaceable(credential('closed'), 0)).to.equal(true)
  })

  it('leave the process in RFC 3339, UTC, with milliseconds', () => {
    expect(rfc3339(0)).to.equal('1970-01-01T00:00:00.000Z')
    expect([rfc3339OrNull(5), rfc3339OrNull(null)]).to.deep.equal(['1970-01-01T00:00:00.005Z', null])
  })
})

describe('what is said of an outcome', () => {
  it('is a value, or the reason there is none', () => {
    expect([ok(1), err('why')]).to.deep.equal([
      { ok: true, value: 1 },
      { ok: false, error: 'why' },
    ])
  })

  it('is one line for a fault: place, message, mend', () => {
    const document = {
      file: 'a.yaml',
      value: null,
      at: () => ({ line: 3, column: 7 }),
      keyAt: () => ({ line: 3, column: 1 }),
    }
    const fault = faultAt(document, ['x'], { message: 'x is missing', mend: 'Write it.' })
    expect(describeFault(fault)).to.equal('a.yaml:3:7: x is missing. Write it.')
  })
})
