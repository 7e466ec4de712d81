import { expect } from 'chai'
import fc from 'fast-check'

import type { Json } from '../../../src/core/json.ts'
import { holds, misplaced, type Row } from './support/evaluate.ts'

const PLACES = 40
/** A decimal string as a whole number of 10^-40: an oracle without floating point, made in another way. */
const scaled = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(PLACES, '0'))
}

const decimal = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 20n }),
    fc.string({ unit: fc.constantFrom('0', '1', '9'), maxLength: 6 }),
  )
  .map(([negative, whole, fraction]) => `${negative ? '-' : ''}${whole}${fraction && `.${fraction}`}`)
const near = fc
  .tuple(
    fc.constantFrom('-', ''),
    fc.constantFrom('0', '1', '10'),
    fc.constantFrom('', '.0', '.1', '.10', '.09', '.11'),
  )
  .map((parts) => parts.join(''))

const NO_DECIMALS: readonly Json[] = [
  '', ' ', ' 5', '5 ', '+5', '05', '00', '-', '-.5', '.5', '5.', '5e0', '5E3', '1e999999999', '0x5', '5n', '5,0', '1_000',
  '\u0665', '\uff15', '5\n', '--5', '5.0.0', 'NaN', 'Infinity', '-Infinity', 'null',
  true, false, null, [], [5], {}, { value: 5 },
] // prettier-ignore

const rows: readonly Row[] = [
  [
    { max: 50 },
    [50, 49.5, -1, 0, '50', '50.000', '-0', '-0.0', '0'],
    [51, 50.000001, '51', '50.01', 1e21, '9'.repeat(400)],
  ],
  [{ max: '50' }, [50, '50'], [50.5, '50.5']],
  [{ max: 0 }, [0, -0, '-0', '0.000', '-0.001'], ['0.001', 5e-324]],
  [{ min: 0 }, [0, -0, '-0', '-0.00', 5e-324], ['-0.001', -5e-324]],
  [{ min: -10, max: '-9.5' }, [-10, '-9.5', '-9.75'], ['-10.01', -9, '-9.49', 0]],
  [{ max: 1e21 }, ['1000000000000000000000', 1e21], ['1000000000000000000001', 1e22]],
  [{ min: 1e-7 }, ['0.0000001', 1e-7], ['0.00000009', 0]],
  [{ max: '0.30' }, [0.3, '0.3'], [0.1 + 0.2, '0.30000000000000000001']],
  [{ max: '1e3' }, [], [1, '1']],
  [{ max: true }, [], [0, '0', true]],
  [{ max: null }, [], [0, null]],
]

describe('bounds on numbers', () => {
  it('hold for numbers and decimal strings, compared digit by digit', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('hold for nothing that only some reader takes for a number', () => {
    const all: Row = [{ max: 1e300 }, [], NO_DECIMALS]
    expect(misplaced([all, [{ min: -1e300 }, [], NO_DECIMALS]])).to.deep.equal([])
  })

  it('compare decimal strings as whole numbers of their last place', () => {
    const any = fc.oneof(decimal, near)
    fc.assert(
      fc.property(any, any, (value, bound) => {
        expect(holds({ max: bound }, value)).to.equal(scaled(value) <= scaled(bound))
        expect(holds({ min: bound }, value)).to.equal(scaled(value) >= scaled(bound))
        expect(holds({ equals: bound, as: 'decimal' }, value)).to.equal(scaled(value) === scaled(bound))
      }),
      { numRuns: 3000 },
    )
  })

  it('compare numbers with each other as numbers', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(number, number, (value, bound) => {
        expect(holds({ max: bound }, value)).to.equal(value <= bound)
        expect(holds({ min: bound }, value)).to.equal(value >= bound)
      }),
    )
  })

  it('hold wherever a number is compared with the text that names it', () => {
    const few = fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 12 }))
    fc.assert(
      fc.property(few, ([digits, places]) => {
        // The nearest number to these digits is written as these digits again: there are fewer than 15 of them.
        const text = (digits / 10 ** places).toFixed(places)
        expect(holds({ equals: Number(text), as: 'decimal' }, text)).to.equal(true)
        expect(holds({ max: Number(text), min: Number(text) }, text)).to.equal(true)
      }),
    )
  })
})
