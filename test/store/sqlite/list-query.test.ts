import { expect } from 'chai'

import type { CredentialFilter, Found, LeaseFilter, PageRequest } from '../../../src/broker/store-port.ts'
import type { Credential } from '../../../src/core/credential.ts'
import type { Lease } from '../../../src/core/lease.ts'
import { createNewIds } from '../../../src/identity/new-ids.ts'
import { openStore, type SqliteStore } from '../../../src/store/sqlite/open-store.ts'
import { sampleCredential, sampleLease } from '../../support/sample-rows.ts'
import { memoryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts'

/** More than two windows. */
const MANY = 4500
const FROM = Date.UTC(2026, 10, 25)

type Look<T> = (page: PageRequest) => Found<T>

/** Everything that a list holds, so many at a time, and in how many looks. */
function wholeList<T>(look: Look<T>, limit: number): { readonly rows: readonly T[]; readonly looks: number } {
  const rows: T[] = []
  let looks = 0
  for (let after: PageRequest['after'] = null; ;) {
    const found = look({ limit, after })
    expect(found.rows.length).to.be.at.most(limit)
    rows.push(...found.rows)
    looks += 1
    if (found.resume === null) return { rows, looks }
    after = found.resume
  }
}

const idsOf = (rows: readonly { readonly id: string }[]): readonly string[] => rows.map(({ id }) => id)

describe('a list in the ledger', () => {
  let folder: TemporaryFolder
  let store: SqliteStore
  /** Newest first. */
  const leases: Lease[] = []
  const credentials: Credential[] = []

  before(async () => {
    folder = await memoryFolder()
    store = openStore({ dataDir: folder.path })
    let now = FROM
    const ids = createNewIds(() => now)
    for (let at = 0; at < MANY; at += 1) {
      // Two a millisecond: then ids decide.
      now = FROM + Math.floor(at / 2)
      const id = ids.lease()
      const rare = at % 2000 === 77
      const lease = sampleLease({
        ...{ id, root: id, createdAt: now, agent: rare ? 'rare-bot' : 'support-bot', task: `run-${at % 3}` },
        owner: rare ? 'Rare@example.com' : 'dana@example.com',
        state: at % 1500 === 3 ? 'pending' : at % 100 === 5 ? 'active' : 'closed',
      })
      leases.unshift(lease)
      const state = at % 1500 === 3 ? 'revoking' : at % 100 === 5 ? 'active' : 'closed'
      const over = {
        id: ids.credential(),
        issuedAt: now,
        state,
        stuck: at % 1500 === 3,
        grant: rare ? 'rare' : 'usual',
      }
      credentials.unshift(sampleCredential(lease, { ...over, state }))
    }
    await store.commit((tx) => {
      for (const lease of leases) tx.insertLease(lease)
      for (const credential of credentials) tx.insertCredential(credential)
    })
    leases.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    credentials.sort((a, b) => (a.id < b.id ? 1 : -1))
  })
  after(async () => {
    await store[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const LEASES: readonly (readonly [filter: LeaseFilter, is: (lease: Lease) => boolean])[] = [
    [{}, () => true],
    [{ agent: 'rare-bot' }, ({ agent }) => agent === 'rare-bot'],
    [{ agent: 'nobody' }, () => false],
    [{ owner: 'rare@EXAMPLE.com' }, ({ owner }) => owner === 'Rare@example.com'],
    [{ state: 'pending' }, ({ state }) => state === 'pending'],
    [{ state: 'active' }, ({ state }) => state === 'active'],
    [{ state: 'closed' }, ({ state }) => state === 'closed'],
    [{ task: 'run-1' }, ({ task }) => task === 'run-1'],
    [{ task: 'run-1', agent: 'rare-bot' }, ({ task, agent }) => task === 'run-1' && agent === 'rare-bot'],
    [{ state: 'active', agent: 'support-bot' }, ({ state, agent }) => state === 'active' && agent === 'support-bot'],
    [{ grant: 'refunds-api' }, () => true],
    [{ grant: 'nowhere' }, () => false],
    [{ tier: 'low', agent: 'rare-bot' }, ({ agent }) => agent === 'rare-bot'],
    [
      { since: FROM + 100, until: FROM + 2000, agent: 'rare-bot' },
      ({ createdAt, agent }) => createdAt >= FROM + 100 && createdAt < FROM + 2000 && agent === 'rare-bot',
    ],
  ]
  for (const [filter, is] of LEASES) {
    it(`of leases holds each once, newest first, whatever the page: ${JSON.stringify(filter)}`, () => {
      const expected = idsOf(leases.filter(is))
      for (const limit of [7, 200, MANY]) {
        const { rows } = wholeList((page) => store.reads.leases(filter, page), limit)
        expect(idsOf(rows), `${limit} at a time`).to.deep.equal(expected)
      }
    })
  }

  const CREDENTIALS: readonly (readonly [filter: CredentialFilter, is: (one: Credential) => boolean])[] = [
    [{}, () => true],
    [{ state: 'revoking' }, ({ state }) => state === 'revoking'],
    [{ state: 'active' }, ({ state }) => state === 'active'],
    [{ state: 'closed' }, ({ state }) => state === 'closed'],
    [{ state: 'minting' }, () => false],
    [{ stuck: true }, ({ stuck }) => stuck],
    [{ stuck: false }, ({ stuck }) => !stuck],
    [{ grant: 'rare' }, ({ grant }) => grant === 'rare'],
    [{ grant: 'rare', state: 'closed', stuck: false }, ({ grant, state }) => grant === 'rare' && state === 'closed'],
  ]
  for (const [filter, is] of CREDENTIALS) {
    it(`of credentials holds each once, newest first, whatever the page: ${JSON.stringify(filter)}`, () => {
      const expected = idsOf(credentials.filter(is))
      for (const limit of [7, 200, MANY]) {
        const { rows } = wholeList((page) => store.reads.credentials(filter, page), limit)
        expect(idsOf(rows), `${limit} at a time`).to.deep.equal(expected)
      }
    })
  }

  it('is looked through a window at a time for what no index knows: what is not there holds nobody up for long', () => {
    const { rows, looks } = wholeList((page) => store.reads.leases({ agent: 'nobody' }, page), 50)
    expect({ rows, looks }).to.deep.equal({ rows: [], looks: 3 })
    const credential = wholeList((page) => store.reads.credentials({ grant: 'nowhere' }, page), 50)
    expect(credential.looks).to.equal(3)
  })

  it('is found at once for what is open or stuck, however much has ended', () => {
    for (const state of ['pending', 'active', 'closing'] as const)
      expect(wholeList((page) => store.reads.leases({ state }, page), 200).looks, state).to.equal(1)
    for (const filter of [{ stuck: true }, { state: 'revoking' }, { state: 'minting' }, { state: 'active' }] as const)
      expect(wholeList((page) => store.reads.credentials(filter, page), 200).looks).to.equal(1)
  })
})
