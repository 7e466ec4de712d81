import { expect } from 'chai'

import { untilInterrupted } from '../../src/cli/until-interrupted.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import { MayflyUnreachable } from '../../src/client/mayfly-unreachable.ts'
import { rejectionOf } from '../client/support/rejection.ts'

const AWAY = new MayflyUnreachable('no-connection', 'http://broker.test')
const REFUSED = new MayflyProblem({ status: 403, headers: new Headers(), body: null })

/** Looks as often as there are outcomes, then the user ends it. */
function looking(...outcomes: readonly (Error | null)[]) {
  const interrupt = new AbortController()
  const left = [...outcomes]
  const said: string[] = []
  const terminal = { err: (text: string) => said.push(text), interrupted: interrupt.signal } as unknown as Terminal
  const look = (): Promise<void> => {
    const next = left.shift()
    if (left.length === 0) interrupt.abort()
    return next ? Promise.reject(next) : Promise.resolve()
  }
  return { said, ended: untilInterrupted(terminal, { everyMs: 1, look }) }
}

describe('looking until the user ends it', () => {
  it('ends without an error', async () => {
    const { said, ended } = looking(null, null, null)
    await ended
    expect(said).to.deep.equal([])
  })

  it('waits for a broker that is away, and says so once', async () => {
    const { said, ended } = looking(null, AWAY, AWAY, null, null)
    await ended
    expect(said).to.deep.equal(['No connection to http://broker.test. Trying again.\n', 'The broker is back.\n'])
  })

  it('gives up on a broker that was never there, and on one that says no', async () => {
    expect(await rejectionOf(looking(AWAY, null).ended)).to.equal(AWAY)
    expect(await rejectionOf(looking(null, REFUSED, null).ended)).to.equal(REFUSED)
  })
})
