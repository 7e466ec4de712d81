import { expect } from 'chai'
import fc from 'fast-check'

import { toolInside, toolOnWire, type ArgumentBounds, type ToolAccess } from '../../src/core/tool-access.ts'

const tool = (args: ToolAccess['arguments'] = {}, over: Partial<ToolAccess> = {}): ToolAccess => ({
  tool: 'refunds.create',
  arguments: args,
  max_calls: null,
  only: false,
  ...over,
})

describe('a tool entry inside another', () => {
  const cases: readonly (readonly [name: string, inner: ToolAccess, outer: ToolAccess, inside: boolean])[] = [
    ['the same entry', tool({ id: { equals: '1' } }), tool({ id: { equals: '1' } }), true],
    [
      'one more bound on an argument',
      tool({ id: { equals: '1', max_length: 1 } }),
      tool({ id: { equals: '1' } }),
      true,
    ],
    ['one more argument bound', tool({ id: { equals: '1' }, amount: { max: 5 } }), tool({ id: { equals: '1' } }), true],
    [
      'members in another order',
      tool({ a: { equals: { x: 1, y: 2 } } }),
      tool({ a: { equals: { y: 2, x: 1 } } }),
      true,
    ],
    ['a bound left away', tool({ id: {} }), tool({ id: { equals: '1' } }), false],
    ['an argument left away', tool(), tool({ id: { equals: '1' } }), false],
    ['another value', tool({ id: { equals: '2' } }), tool({ id: { equals: '1' } }), false],
    ['a tighter number, which nobody evaluates', tool({ a: { max: 4 } }), tool({ a: { max: 5 } }), false],
    ['another tool', tool({}, { tool: 'refunds.read' }), tool(), false],
    ['fewer calls', tool({}, { max_calls: 1 }), tool({}, { max_calls: 2 }), true],
    ['as many calls', tool({}, { max_calls: 2 }), tool({}, { max_calls: 2 }), true],
    ['more calls', tool({}, { max_calls: 3 }), tool({}, { max_calls: 2 }), false],
    ['calls without a limit', tool(), tool({}, { max_calls: 2 }), false],
    ['a limit where there was none', tool({}, { max_calls: 2 }), tool(), true],
    ['only named arguments', tool({}, { only: true }), tool(), true],
    ['not only named arguments any more', tool(), tool({}, { only: true }), false],
    ['one more name under only', tool({ a: {}, b: {} }, { only: true }), tool({ a: {} }, { only: true }), false],
    [
      'rewordings, where the outer one compares exactly',
      tool({ to: { equals: 'a@x', as: 'email' } }),
      tool({ to: { equals: 'a@x' } }),
      false,
    ],
    [
      'exactness, where the outer one takes rewordings',
      tool({ to: { equals: 'a@x' } }),
      tool({ to: { equals: 'a@x', as: 'email' } }),
      false,
    ],
    [
      'leave to leave an argument out',
      tool({ to: { equals: 'a@x', absent: true } }),
      tool({ to: { equals: 'a@x' } }),
      false,
    ],
    [
      'something beside what says that nothing may be there',
      tool({ to: { absent: true, equals: 'a@x' } }),
      tool({ to: { absent: true } }),
      false,
    ],
    [
      'the leave to be left out, kept',
      tool({ to: { absent: true, equals: 'a', max_length: 1 } }),
      tool({ to: { absent: true, equals: 'a' } }),
      true,
    ],
    ['an argument that is named like what every object has', tool(), tool({ constructor: {}, toString: {} }), false],
  ]
  for (const [name, inner, outer, inside] of cases) {
    it(`${inside ? 'may have' : 'may not have'} ${name}`, () => {
      expect(toolInside(inner, outer)).to.equal(inside)
    })
  }

  it('is inside itself, and what is inside the inner one is inside the outer one', () => {
    const bounds: fc.Arbitrary<ArgumentBounds> = fc.record(
      {
        equals: fc.constantFrom(1, 'a'),
        max_length: fc.constantFrom(1, 2),
        as: fc.constantFrom('email' as const),
        absent: fc.constant(true as const),
      },
      { requiredKeys: [] },
    )
    const entry: fc.Arbitrary<ToolAccess> = fc.record({
      tool: fc.constant('t'),
      arguments: fc.dictionary(fc.constantFrom('a', 'b', 'toString'), bounds, { maxKeys: 2 }),
      max_calls: fc.constantFrom(null, 1, 2),
      only: fc.boolean(),
    })
    fc.assert(
      fc.property(entry, entry, entry, (a, b, c) => {
        expect(toolInside(a, a)).to.equal(true)
        if (toolInside(a, b) && toolInside(b, c)) expect(toolInside(a, c)).to.equal(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a tool entry on the wire', () => {
  it('shows every member, and null where there is no limit', () => {
    expect(toolOnWire(tool({ id: { equals: '1' } }))).to.deep.equal({
      tool: 'refunds.create',
      arguments: { id: { equals: '1' } },
      max_calls: null,
      only: false,
    })
  })
})
