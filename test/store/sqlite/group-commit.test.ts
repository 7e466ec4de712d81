import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { groupCommit, StoreUnavailable } from '../../../src/store/sqlite/group-commit.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** A table of one number, the group that writes it, and another connection that sees only what is durable. */
async function openGroup() {
  const folder = await temporaryFolder()
  const db = new Database(join(folder.path, 'test.db'))
  db.pragma('journal_mode = WAL')
  db.exec('create table entry (number integer primary key, text text) strict')
  const other = new Database(join(folder.path, 'test.db'), { readonly: true })
  const insert = db.prepare<[number]>('insert into entry (number) values (?)')
  const durable = other.prepare<[], number>('select number from entry order by number').pluck()
  let rollbacks = 0
  let unreadable = false
  const rolledBack = (): void => {
    if (unreadable) throw new Error('a page does not read')
    rollbacks += 1
  }
  const memory = { began: () => undefined, undone: rolledBack, reread: rolledBack }
  const group = groupCommit(db, { memory: [memory], outage: () => undefined, patienceMs: 200 })
  return {
    db,
    group,
    add: (number: number) => group.commit(() => void insert.run(number)),
    insert: (number: number) => void insert.run(number),
    durable: () => durable.all(),
    rollbacks: () => rollbacks,
    unreadable: (is: boolean) => void (unreadable = is),
    async [Symbol.asyncDispose]() {
      other.close()
      db.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const failed = new Error('this step fails')
const outcomes = async (work: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(work)).map((settled) => (settled.status === 'fulfilled' ? 'stored' : settled.reason))

describe('group commit', () => {
  it('puts what arrives in one turn into one commit, durable when it answers', async () => {
    await using store = await openGroup()
    await Promise.all([1, 2, 3].map(store.add))
    expect(store.durable()).to.deep.equal([1, 2, 3])
    expect(store.group.count()).to.equal(1)
    await store.add(4)
    expect(store.group.count()).to.equal(2)
  })

  it('waits for steps that come a turn later, as long as each turn brings more', async () => {
    await using store = await openGroup()
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const steps = [store.add(1), store.add(2)]
    for (let number = 3; number < 8; number += 1) {
      await turn()
      steps.push(store.add(number))
    }
    await Promise.all(steps)
    expect(store.group.count()).to.be.at.most(2)
  })

  it('hands back what the step returned', async () => {
    await using store = await openGroup()
    expect(await store.group.commit(() => 'answer')).to.equal('answer')
  })

  it('undoes a step that throws, and neither the one before nor the one after', async () => {
    await using store = await openGroup()
    const work = [
      store.add(1),
      store.group.commit(() => {
        store.insert(2)
        throw failed
      }),
      store.add(3),
      store.add(1),
      store.add(4),
    ]
    const [first, second, third, double, fourth] = await outcomes(work)
    expect([first, second, third, fourth]).to.deep.equal(['stored', failed, 'stored', 'stored'])
    expect(double).to.have.property('code', 'SQLITE_CONSTRAINT_PRIMARYKEY')
    expect(store.durable()).to.deep.equal([1, 3, 4])
    expect(store.group.count()).to.equal(1)
    expect(store.rollbacks(), 'what is kept in memory is read again after each').to.equal(2)
  })

  it('stores nothing of a group whose disk is full, and goes on when there is room again', async () => {
    await using store = await openGroup()
    await store.add(1)
    store.db.pragma('max_page_count = 3')
    const fill = store.db.prepare<[number, string]>('insert into entry (number, text) values (?, ?)')
    const earlier = store.add(2)
    const full = store.group.commit(() => void fill.run(3, 'x'.repeat(100_000)))
    const [before, itself, after] = await outcomes([earlier, full, store.add(4)])
    for (const reason of [before, itself]) expect(reason).to.be.instanceOf(StoreUnavailable)
    expect(after, 'what had not begun is the next group').to.equal('stored')
    expect(store.durable()).to.deep.equal([1, 4])
    expect(store.rollbacks()).to.equal(1)
    store.db.pragma('max_page_count = 1000000')
    await store.add(5)
    expect(store.durable()).to.deep.equal([1, 4, 5])
  })

  it('is refused as a whole where the database stays locked, and nothing is half done', async () => {
    await using store = await openGroup()
    store.db.pragma('busy_timeout = 0')
    const thief = new Database(store.db.name)
    thief.exec('begin immediate')
    const refused = await outcomes([store.add(1), store.add(2)])
    for (const reason of refused) expect(reason).to.be.instanceOf(StoreUnavailable)
    thief.exec('rollback')
    thief.close()
    await store.add(3)
    expect(store.durable()).to.deep.equal([3])
  })

  it('waits for a lock that is soon gone, in order, and lets the loop go on meanwhile', async () => {
    await using store = await openGroup()
    store.db.pragma('busy_timeout = 0')
    const thief = new Database(store.db.name)
    thief.exec('begin immediate')
    const stored = Promise.all(Array.from({ length: 600 }, (_, at) => store.add(at)))
    const before = performance.now()
    await wait(60)
    expect(performance.now() - before, 'the loop').to.be.below(150)
    const later = store.add(600)
    expect(store.durable()).to.deep.equal([])
    thief.exec('rollback')
    thief.close()
    await Promise.all([stored, later])
    expect(store.durable()).to.deep.equal(Array.from({ length: 601 }, (_, at) => at))
    expect(store.rollbacks()).to.equal(0)
  })

  it('on close refuses what waits for a lock, and does not wait itself', async () => {
    await using store = await openGroup()
    store.db.pragma('busy_timeout = 0')
    const thief = new Database(store.db.name)
    thief.exec('begin immediate')
    const waiting = outcomes([store.add(1)])
    await wait(30)
    store.group.close()
    expect((await waiting)[0]).to.be.instanceOf(StoreUnavailable)
    thief.close()
  })

  it('builds on nothing that it could not read anew after a rollback', async () => {
    await using store = await openGroup()
    store.db.pragma('max_page_count = 3')
    const fill = store.db.prepare<[number, string]>('insert into entry (number, text) values (?, ?)')
    store.unreadable(true)
    const full = store.group.commit(() => void fill.run(3, 'x'.repeat(100_000)))
    expect((await outcomes([full]))[0]).to.be.instanceOf(StoreUnavailable)
    store.db.pragma('max_page_count = 1000000')
    expect((await outcomes([store.add(4)]))[0], 'while it does not read').to.be.instanceOf(StoreUnavailable)
    store.unreadable(false)
    await store.add(5)
    expect(store.durable()).to.deep.equal([5])
  })

  it('never holds the loop for more than 256 steps at once', async () => {
    await using store = await openGroup()
    await Promise.all(Array.from({ length: 600 }, (_, at) => store.add(at)))
    expect(store.group.count()).to.equal(3)
    expect(store.durable()).to.have.length(600)
  })

  it('never begins another step once the loop was held for 20 ms', async () => {
    await using store = await openGroup()
    const slow = (number: number): Promise<void> =>
      store.group.commit(() => {
        for (const until = performance.now() + 15; performance.now() < until;);
        store.insert(number)
      })
    const stored = await outcomes([1, 2, 3, 4, 5, 6].map(slow))
    expect(stored).to.deep.equal(Array.from({ length: 6 }, () => 'stored'))
    expect(store.group.count(), 'not all in one, and more than one in one where that is fast').to.be.within(3, 6)
    expect(store.durable()).to.deep.equal([1, 2, 3, 4, 5, 6])
  })

  it('on close stores what waits, and refuses what comes later', async () => {
    await using store = await openGroup()
    const waiting = [store.add(1), store.add(2)]
    store.group.close()
    expect(store.durable()).to.deep.equal([1, 2])
    expect(await outcomes(waiting)).to.deep.equal(['stored', 'stored'])
    expect((await outcomes([store.add(3)]))[0]).to.be.instanceOf(StoreUnavailable)
  })
})
