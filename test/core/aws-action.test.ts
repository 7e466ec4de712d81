import { expect } from 'chai'
import fc from 'fast-check'

import { covers } from '../../src/core/aws-action.ts'

describe('covers, as AWS compares actions', () => {
  const hits: readonly [string, string][] = [
    ['iam:*', 'iam:CreateUser'],
    ['iam:*', 'IAM:CreateUser'],
    ['IAM:*', 'iam:createuser'],
    ['iam:*', 'iam:*'],
    ['iam:*', '*'],
    ['iam:*', 'i*'],
    ['iam:*', '?am:CreateUser'],
    ['iam:*', '*:CreateUser'],
    ['s3:Get*', 's3:GetObject'],
    ['s3:?etObject', 's3:GetObject'],
    ['*', 'anything:At'],
    ['sts:AssumeRole', 'sts:assumerole'],
  ]
  for (const [pattern, action] of hits)
    it(`${pattern} covers ${action}`, () => {
      expect(covers(pattern, action)).to.equal(true)
    })

  const misses: readonly [string, string][] = [
    ['iam:*', 's3:GetObject'],
    ['iam:*', 'iamx:Create'],
    ['iam:*', 'xiam:Create'],
    ['iam:*', ''],
    ['s3:Get*', 's3:PutObject'],
    ['s3:GetObject', 's3:GetObjectAcl'],
    ['s3:?etObject', 's3:etObject'],
  ]
  for (const [pattern, action] of misses)
    it(`${pattern} does not cover ${action}`, () => {
      expect(covers(pattern, action)).to.equal(false)
    })

  const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', '*', '?'), maxLength: 8 })
  const plain = fc.string({ unit: fc.constantFrom('a', 'b', ':'), maxLength: 8 })
  const asRegExp = (pattern: string): RegExp =>
    new RegExp(`^${pattern.replace(/[*?]/g, (sign) => (sign === '*' ? '.*' : '.'))}$`)

  it('agrees with a regular expression where only the rule holds wildcards', () => {
    fc.assert(
      fc.property(text, plain, (pattern, action) => {
        expect(covers(pattern, action)).to.equal(asRegExp(pattern).test(action))
      }),
    )
  })

  it('is symmetric, and never misses two patterns that share an action', () => {
    fc.assert(
      fc.property(text, text, plain, (left, right, action) => {
        expect(covers(left, right)).to.equal(covers(right, left))
        if (asRegExp(left).test(action) && asRegExp(right).test(action)) expect(covers(left, right)).to.equal(true)
      }),
    )
  })

  it('is not slow on patterns made to be slow', () => {
    expect(covers('*a'.repeat(60) + 'b', 'a'.repeat(128))).to.equal(false)
  })
})
