import { expect } from 'chai'
import { AUDIT_KINDS } from '../../src/core/audit.ts'
import { startTestBroker } from '../support/broker.ts'
import { acknowledge, markRestored, recoveryOf } from '../support/recovery.ts'
import { inCheckout, readPage } from './support/pages.ts'

describe('docs/recovery.md', () => {
  const page = readPage(inCheckout('docs/recovery.md'))

  it('names every record of keys and recoveries, and no other', () => {
    const kinds = Object.keys(AUDIT_KINDS).filter((kind) => /^(key|recovery)\./.test(kind))
    const named = [...page.matchAll(/`((?:key|recovery)\.[a-z_]+)`/g)].map(([, kind = '']) => kind)
    expect([...new Set(named)]).to.have.members(kinds)
  })

  it('has a row for the reason that a broker gives, and for each step of a recovery', async () => {
    await using broker = await startTestBroker()
    await broker.app[Symbol.asyncDispose]()
    markRestored(broker.folder)
    await using restored = await startTestBroker({ folder: broker.folder })
    const { detail, steps } = await recoveryOf(restored)
    expect(page).to.match(new RegExp(`^\\| ${String(detail).replace(/ of .*/, ' of ')}`, 'm'))
    for (const { step } of steps) expect(page).to.match(new RegExp(`^\\| \`${String(step)}\` \\|`, 'm'))
    expect((await acknowledge(restored)).status, 'it cannot be left out').to.equal(409)
  })
})
