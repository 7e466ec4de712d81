import { expect } from 'chai'
import type { Transaction } from '../../../src/broker/store-port.ts'
import { openStore } from '../../../src/store/sqlite/open-store.ts'
import { sampleApproval, sampleCredential, sampleLease } from '../../support/sample-rows.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const lease = sampleLease()
const credential = sampleCredential(lease)
const approval = sampleApproval(lease)

/** One store that holds one of each. */
async function filledStore() {
  const folder = await temporaryFolder()
  const store = openStore({ dataDir: folder.path })
  await store.commit((tx) => {
    tx.insertLease(lease)
    tx.insertCredential(credential)
    tx.insertApproval(approval)
  })
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

interface Kind {
  readonly row: { readonly fence: number }
  /** Moves it to its end, from what is said of it. */
  readonly close: (tx: Transaction, from?: object) => boolean
  readonly read: (tx: Transaction) => unknown
  readonly ended: object
  readonly wrongState: object
}

const kinds: Readonly<Record<string, Kind>> = {
  'a lease': {
    row: lease,
    close: (tx, from) => tx.moveLease({ ...lease, ...from }, { state: 'closed', outcome: 'revoked', closedAt: 1 }),
    read: (tx) => tx.lease(lease.id),
    ended: { state: 'closed', outcome: 'revoked' },
    wrongState: { state: 'pending' },
  },
  'a credential': {
    row: credential,
    close: (tx, from) =>
      tx.moveCredential({ ...credential, ...from }, { state: 'closed', outcome: 'revoked', confirmedAt: 1 }),
    read: (tx) => tx.credential(credential.id),
    ended: { state: 'closed', outcome: 'revoked' },
    wrongState: { state: 'minting' },
  },
  'an approval': {
    row: approval,
    close: (tx, from) =>
      tx.moveApproval({ ...approval, ...from }, { state: 'denied', deniedBy: 'amy@example.com', reason: 'No' }),
    read: (tx) => tx.approval(approval.id),
    ended: { state: 'denied', deniedBy: 'amy@example.com' },
    wrongState: { state: 'approved' },
  },
}

describe('a change of state', () => {
  for (const [name, { row, close, read, ended, wrongState }] of Object.entries(kinds)) {
    it(`of ${name} wins once, counts itself, and loses ever after`, async () => {
      await using store = await filledStore()
      const first = await store.commit((tx) => [close(tx), read(tx), close(tx)] as const)
      expect(first[0]).to.equal(true)
      expect(first[1]).to.deep.include({ ...ended, fence: row.fence + 1 })
      expect(first[2], 'in the same transaction').to.equal(false)
      expect(await store.commit((tx) => close(tx)), 'in the next').to.equal(false)
      expect(await store.commit(read)).to.deep.equal(first[1])
    })

    it(`of ${name} loses where it names another state or an older fence, and changes nothing`, async () => {
      await using store = await filledStore()
      const lost = await store.commit((tx) => [
        close(tx, wrongState),
        close(tx, { fence: row.fence - 1 }),
        close(tx, { fence: row.fence + 1 }),
      ])
      expect(lost).to.deep.equal([false, false, false])
      expect(await store.commit(read)).to.deep.equal(row)
    })

    it(`of ${name}, asked for 50 times at once, happens once`, async () => {
      await using store = await filledStore()
      const won = await Promise.all(Array.from({ length: 50 }, () => store.commit((tx) => close(tx))))
      expect(won.filter(Boolean)).to.have.length(1)
    })

    it(`of ${name} that is not there loses`, async () => {
      await using folder = await temporaryFolder()
      await using store = openStore({ dataDir: folder.path })
      expect(await store.commit((tx) => close(tx))).to.equal(false)
    })
  }
})
