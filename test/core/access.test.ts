import { expect } from 'chai'
import fc from 'fast-check'

import { narrow, type AskedAccess, type Ceiling } from '../../src/core/access.ts'
import { isResource, resourceInside } from '../../src/core/resource.ts'

const ceiling: Ceiling = { actions: ['s3:GetObject', 's3:PutObject'], resources: ['arn:aws:s3:::orders/*'] }
const asked = (over: Partial<AskedAccess> = {}): AskedAccess => ({
  grant: 'orders',
  actions: null,
  resources: null,
  ...over,
})

describe('narrowing an access entry', () => {
  it('gives the ceiling, and says that it is broad, when nothing narrower is named', () => {
    expect(narrow(asked(), ceiling)).to.deep.equal({
      ok: true,
      value: { access: { grant: 'orders', ...ceiling }, broad: true },
    })
  })

  const inside = ['arn:aws:s3:::orders/1234', 'arn:aws:s3:::orders/1234/*', 'arn:aws:s3:::orders/*']
  for (const resource of inside) {
    it(`lets ${resource} be asked`, () => {
      expect(narrow(asked({ actions: ['s3:GetObject'], resources: [resource] }), ceiling)).to.have.nested.property(
        'value.broad',
        false,
      )
    })
  }

  const outside = [
    'arn:aws:s3:::orders',
    'arn:aws:s3:::orders*',
    'arn:aws:s3:::order/*',
    'arn:aws:s3:::orders/../secrets/key',
    'arn:aws:s3:::orders/1?34',
    'arn:aws:s3:::orders/*/x',
    'arn:aws:s3:::orders/${aws:username}',
    'arn:aws:s3:::orders/12*',
    'ARN:aws:s3:::orders/1234',
    'x arn:aws:s3:::orders/1234',
    '*',
    '',
  ]
  for (const resource of outside) {
    it(`refuses the resource ${JSON.stringify(resource)}`, () => {
      expect(narrow(asked({ resources: [resource] }), ceiling)).to.deep.equal({
        ok: false,
        error: { member: 'resources', value: resource },
      })
    })
  }

  for (const action of ['s3:getobject', 's3:*', '*', 's3:DeleteObject', 's3:GetObject ', '']) {
    it(`refuses the action ${JSON.stringify(action)}: actions are exact, never a pattern`, () => {
      expect(narrow(asked({ actions: [action] }), ceiling)).to.deep.equal({
        ok: false,
        error: { member: 'actions', value: action },
      })
    })
  }

  it('refuses any action and resource of a grant that has none', () => {
    expect(narrow(asked({ actions: ['read'] }), { actions: [], resources: [] }).ok).to.equal(false)
    expect(narrow(asked({ resources: ['a'] }), { actions: [], resources: [] }).ok).to.equal(false)
  })

  const segment = fc.constantFrom('a', 'b', 'orders', '1')
  const resource = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([parts, star]) => parts.join('/') + (star ? '/*' : ''))
  const action = fc.constantFrom('r', 'w', 'd')
  const ceilings = fc.record({ actions: fc.uniqueArray(action), resources: fc.uniqueArray(resource) })
  const asks = fc.record({
    grant: fc.constant('g'),
    actions: fc.option(fc.uniqueArray(action)),
    resources: fc.option(fc.uniqueArray(resource)),
  })
  /** Names that a resource stands for, spelt out over a small world: an oracle that knows nothing of prefixes. */
  const world = ['a', 'b', 'orders', '1'].flatMap((x) => [
    x,
    ...['a', 'b', 'orders', '1'].flatMap((y) => [`${x}/${y}`, ...['a', '1'].map((z) => `${x}/${y}/${z}`)]),
  ])
  const names = (pattern: string): readonly string[] =>
    world.filter((each) =>
      pattern.endsWith('/*')
        ? each
            .split('/')
            .slice(0, pattern.split('/').length - 1)
            .join('/') +
            '/*' ===
            pattern && each.split('/').length >= pattern.split('/').length
        : each === pattern,
    )
  const reach = (resources: readonly string[]): Set<string> => new Set(resources.flatMap(names))

  it('never grants what lies outside the ceiling or outside what was asked', () => {
    fc.assert(
      fc.property(ceilings, asks, (outer, ask) => {
        const result = narrow(ask, outer)
        if (!result.ok) return
        const { actions, resources } = result.value.access
        expect(outer.actions).to.include.members([...actions])
        expect([...reach(outer.resources)]).to.include.members([...reach(resources)])
        if (ask.actions) expect(ask.actions).to.include.members([...actions])
        if (ask.resources) expect([...reach(ask.resources)]).to.include.members([...reach(resources)])
      }),
    )
  })

  it('is idempotent: what was granted can be asked again of the same ceiling', () => {
    fc.assert(
      fc.property(ceilings, asks, (outer, ask) => {
        const first = narrow(ask, outer)
        if (!first.ok) return
        expect(narrow(first.value.access, outer)).to.have.deep.nested.property('value.access', first.value.access)
      }),
    )
  })

  it('is transitive: what lies inside a narrower ceiling lies inside the wider one', () => {
    fc.assert(
      fc.property(resource, resource, resource, (a, b, c) => {
        if (resourceInside(a, b) && resourceInside(b, c)) expect(resourceInside(a, c)).to.equal(true)
      }),
    )
  })

  it('calls nothing a resource that a control character or a blank hides in', () => {
    for (const text of ['a\u0000', 'a\nb', 'a b', 'a\u007f', 'a/./b', '..', 'a/..'])
      expect(isResource(text), JSON.stringify(text)).to.equal(false)
  })
})
