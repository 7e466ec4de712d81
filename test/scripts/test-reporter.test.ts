import { spawnSync } from 'node:child_process'
import { expect } from 'chai'

const MOCHA = ['node_modules/mocha/bin/mocha.js', '--no-config', '--reporter', 'scripts/test-reporter.ts']

const SKIPPED = [
  'SKIPPED a backend is slow: only at night',
  'SKIPPED a backend has no body yet: marked so in the source',
  'SKIPPED another backend answers: nothing listens there',
]

const runSomeSkips = (...options: readonly string[]) => {
  const { stdout, status } = spawnSync(process.execPath, [...MOCHA, ...options, 'test/scripts/some-skips.ts'], {
    cwd: new URL('../../', import.meta.url),
    encoding: 'utf8',
  })
  const lines = stdout.trimEnd().split('\n')
  return { status, last: lines.at(-1), skipped: lines.filter((line) => line.startsWith('SKIPPED ')) }
}

describe('the test reporter', function () {
  this.timeout(30_000)

  it('says which tests were skipped and why, and counts all of them last', () => {
    expect(runSomeSkips()).to.deep.equal({ status: 1, last: '1 passed, 1 failed, 3 skipped', skipped: SKIPPED })
  })

  it('counts a skip as a failure where skips are forbidden, and still says why', () => {
    const run = runSomeSkips('--forbid-pending')
    expect(run).to.deep.equal({ status: 4, last: '1 passed, 4 failed, 0 skipped', skipped: SKIPPED })
  })
})
