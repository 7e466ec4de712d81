import { expect } from 'chai'
import fc from 'fast-check'
import { checkRoom } from '../../../src/providers/aws-sts/check/check-early-revocation.ts'
import {
  deniedBy,
  denyPolicy,
  fitting,
  MAX_INLINE_POLICY,
  stillLiving,
} from '../../../src/providers/aws-sts/deny-policy.ts'

const handle = (at: number): string => `crd_${String(at).padStart(26, '0')}`
const handles = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => handle(at))

describe('the deny policy of a role', () => {
  it('denies everything to the sessions of these names', () => {
    expect(JSON.parse(denyPolicy([handle(1), handle(2)]))).to.deep.equal({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { StringLike: { 'aws:userid': [`*:${handle(1)}`, `*:${handle(2)}`] } },
        },
      ],
    })
  })

  it('takes 288 handles in its 10,240 characters, and the count of the doctor agrees', () => {
    expect(fitting(handles(400))).to.have.length(288)
    expect(denyPolicy(handles(288)).length).to.be.at.most(MAX_INLINE_POLICY)
    expect(denyPolicy(handles(289)).length).to.be.greaterThan(MAX_INLINE_POLICY)
    const role = { arn: 'arn:aws:iam::123456789012:role/a', partition: 'aws', account: '123456789012', name: 'a' }
    expect(checkRoom(role, [])).to.include({ ok: true }).and.to.have.property('detail').that.includes('288 sessions')
    const large = { Statement: [{ Resource: 'x'.repeat(9_500) }] }
    expect(checkRoom(role, [large])).to.include({ ok: false })
  })

  const texts = fc.array(fc.stringMatching(/^[\w=,.@-]{2,64}$/), { maxLength: 500 })

  it('takes as many as fit, in their order, and not one more', () => {
    fc.assert(
      fc.property(texts, (all) => {
        const fits = fitting(all)
        expect(fits).to.deep.equal(all.slice(0, fits.length))
        expect(denyPolicy(fits).length).to.be.at.most(MAX_INLINE_POLICY)
        if (fits.length < all.length)
          expect(denyPolicy(all.slice(0, fits.length + 1)).length).to.be.greaterThan(MAX_INLINE_POLICY)
      }),
    )
  })

  it('says whom it denies, and names nobody for a policy of another form', () => {
    fc.assert(
      fc.property(texts, (all) => {
        expect(deniedBy(JSON.parse(denyPolicy(all)))).to.deep.equal(all)
      }),
    )
    for (const other of [null, 1, 'x', [], {}, { Statement: {} }, { Statement: [{ Condition: { StringLike: 'x' } }] }])
      expect(deniedBy(other)).to.deep.equal([])
  })

  it('leaves out who has ended by himself, and names nobody twice', () => {
    const sessions = [
      { handle: 'over', notAfter: 1_000 },
      { handle: 'living', notAfter: 1_001 },
      { handle: 'living', notAfter: 1_001 },
    ]
    expect(stillLiving(sessions, 1_000)).to.deep.equal(['living'])
  })
})
