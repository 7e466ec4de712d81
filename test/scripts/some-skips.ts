import { skipBecause } from '../support/skip-because.ts'

// Run by test-reporter.test.ts in a mocha of its own, never with the others.
describe('a backend', () => {
  it('answers', () => undefined)
  it('breaks', () => {
    throw new Error('on purpose')
  })
  it('is slow', function () {
    skipBecause(this, 'only at night')
  })
  it('has no body yet')
})

describe('another backend', () => {
  before(function () {
    skipBecause(this, 'nothing listens there')
  })
  it('answers', () => undefined)
})
