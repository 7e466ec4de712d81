import { expect } from 'chai'
import fc from 'fast-check'

import { findArgument, unnamedArgument } from '../../../src/core/argument-bounds/find-argument.ts'
import type { Json, JsonObject } from '../../../src/core/json.ts'

/** The example of RFC 6901 section 5, without its member of no name. */
const RFC = { foo: ['bar', 'baz'], 'a/b': 1, 'c%d': 2, 'e^f': 3, 'g|h': 4, 'i\\j': 5, 'k"l': 6, ' ': 7, 'm~n': 8 }

const name = fc.constantFrom('a', 'b', '/a', 'a/b', '~', '~1', '', '0', '1', '-', 'toString')
const args: fc.Arbitrary<JsonObject> = fc.letrec<{ node: Json; object: JsonObject }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, fc.constantFrom<Json>(1, null, 'x'), fc.array(tie('node'), { maxLength: 2 }), tie('object')),
  object: fc.dictionary(name, tie('node'), { maxKeys: 3 }),
})).object // prettier-ignore
const key = fc.oneof(
  fc.constantFrom('a', 'b', '~', 'a/b', '0', 'toString'),
  fc.array(name, { minLength: 1, maxLength: 3 }).map((steps) => steps.map(escaped).join('')),
)

const escaped = (step: string): string => `/${step.replace(/[~/]/g, (sign) => (sign === '~' ? '~0' : '~1'))}`

/** Every part of the arguments by its pointer, made from the top down: the other way round than it is looked up. */
function parts(value: Json, at = ''): readonly (readonly [pointer: string, part: Json])[] {
  if (typeof value !== 'object' || value === null) return [[at, value]]
  return [
    [at, value],
    ...Object.entries<Json>({ ...(value as JsonObject) }).flatMap(([step, part]) => parts(part, at + escaped(step))),
  ]
}

const pointerOf = (keyed: string): string => (keyed.startsWith('/') ? keyed : escaped(keyed))

describe('finding an argument', () => {
  const found: readonly (readonly [args: JsonObject, key: string, value: Json | undefined])[] = [
    [{ a: 1 }, 'a', 1],
    [{ a: null }, 'a', null],
    [{}, 'a', undefined],
    [{ a: { b: 1 } }, '/a/b', 1],
    [{ a: { b: 1 } }, 'a/b', undefined],
    [{ 'a/b': 1 }, 'a/b', 1],
    [{ a: { b: 1 } }, '/a', { b: 1 }],
    [{ '/a': 1 }, '/a', undefined],
    [{ '/a': 1 }, '/~1a', 1],
    [{ '': { '': 1 } }, '/', { '': 1 }],
    [{ '': { '': 1 } }, '//', 1],
    [{ a: [1, [2]] }, '/a/1/0', 2],
    [{ a: [1] }, '/a/1', undefined],
    [{ a: [1] }, '/a/-', undefined],
    [{ a: [1] }, '/a/00', undefined],
    [{ a: [1] }, '/a/+0', undefined],
    [{ a: [1] }, '/a/0.0', undefined],
    [{ a: [1] }, '/a/length', undefined],
    [{ a: { 0: 1 } }, '/a/0', 1],
    [{ a: { '00': 1 } }, '/a/00', 1],
    [{ a: 'text' }, '/a/0', undefined],
    [{ a: 'text' }, '/a/length', undefined],
    [{ a: null }, '/a/b', undefined],
    [{}, '/a/b', undefined],
    [{}, 'toString', undefined],
    [{ a: {} }, '/a/constructor', undefined],
    [{ a: { toString: 1 } }, '/a/toString', 1],
    [{ 'm~n': 1, 'm~1n': 2, 'm/n': 3 }, '/m~0n', 1],
    [{ 'm~n': 1, 'm~1n': 2, 'm/n': 3 }, '/m~01n', 2],
    [{ 'm~n': 1, 'm~1n': 2, 'm/n': 3 }, '/m~1n', 3],
    [{ 'm~1n': 2 }, 'm~1n', 2],
    [RFC, '/foo/0', 'bar'],
    [RFC, '/a~1b', 1],
    [RFC, '/c%d', 2],
    [RFC, '/e^f', 3],
    [RFC, '/g|h', 4],
    [RFC, '/i\\j', 5],
    [RFC, '/k"l', 6],
    [RFC, '/ ', 7],
    [RFC, '/m~0n', 8],
  ]
  for (const [from, at, value] of found)
    it(`finds ${value === undefined ? 'nothing' : JSON.stringify(value)} at ${at} of ${JSON.stringify(from).slice(0, 30)}`, () =>
      expect(findArgument(from, at)).to.deep.equal(value))

  it('finds every part by its pointer, and nothing else', () => {
    fc.assert(
      fc.property(args, key, (from, at) => {
        const known = new Map(parts(from))
        expect(findArgument(from, at)).to.deep.equal(known.get(pointerOf(at)))
        for (const [pointer, part] of known) if (pointer !== '') expect(findArgument(from, pointer)).to.equal(part)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an argument that no key names', () => {
  const found: readonly (readonly [args: JsonObject, keys: readonly string[], unnamed: string | undefined])[] = [
    [{}, [], undefined],
    [{ a: 1 }, [], 'a'],
    [{ a: null }, [], 'a'],
    [{ a: {} }, [], 'a'],
    [{ a: [] }, [], 'a'],
    [{ a: 1 }, ['a'], undefined],
    [{ a: 1, b: 2 }, ['a'], 'b'],
    [{ a: { b: 1, c: [2] } }, ['a'], undefined],
    [{ a: { b: 1 } }, ['/a/b'], undefined],
    [{ a: { b: 1, c: 1 } }, ['/a/b'], '/a/c'],
    [{ a: { b: 1, c: 1 } }, ['/a/b', '/a/c'], undefined],
    [{ a: { b: 1, c: 1 } }, ['/a/b', 'a'], undefined],
    [{ a: 'evil' }, ['/a/b'], 'a'],
    [{ a: null }, ['/a/b'], 'a'],
    [{ a: {} }, ['/a/b'], undefined],
    [{ a: [{ b: 1 }, { b: 2 }] }, ['/a/0/b'], '/a/1'],
    [{ a: [{ b: 1, c: { d: 1 } }] }, ['/a/0/b'], '/a/0/c'],
    [{ '/x': 1 }, ['x'], '/~1x'],
    [{ '/x': 1 }, ['/~1x'], undefined],
    [{ '': 1 }, ['a'], '/'],
    [{ 'a/b': 1 }, ['/a/b'], 'a/b'],
    [{ toString: 1 }, ['a'], 'toString'],
  ]
  for (const [from, keys, unnamed] of found)
    it(`is ${unnamed ?? 'not there'} in ${JSON.stringify(from)} with ${JSON.stringify(keys)}`, () =>
      expect(unnamedArgument(from, keys)).to.equal(unnamed))

  it('is there if and only if a leaf is neither named nor in something named nor on the way to it', () => {
    let [none, some] = [0, 0]
    fc.assert(
      fc.property(args, fc.array(key, { maxLength: 4 }), (from, keys) => {
        const named = keys.map(pointerOf)
        const leaves = parts(from).filter(([at, part]) => at !== '' && (typeof part !== 'object' || part === null || Object.keys(part).length === 0))
        const covered = leaves.every(([at, part]) => named.some((pointer) => `${at}/`.startsWith(`${pointer}/`) || (typeof part === 'object' && part !== null && pointer.startsWith(`${at}/`))))
        const unnamed = unnamedArgument(from, keys)
        expect(unnamed === undefined).to.equal(covered)
        if (unnamed === undefined) none += 1
        else if (findArgument(from, unnamed) !== undefined) some += 1
        else expect.fail(`${unnamed} is not there`)
      }),
      { numRuns: 2000 },
    ) // prettier-ignore
    expect([none > 200, some > 200]).to.deep.equal([true, true])
  })
})
