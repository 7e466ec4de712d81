import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Secret } from '../../../src/core/secret.ts'
import { createSealer } from '../../../src/store/keys/sealer.ts'
import { newSealer } from './support/ring.ts'

const about = { purpose: 'signing-key', name: 'k1' }

describe('a sealed text', () => {
  const sealer = newSealer()

  it('opens to what was sealed, for the same purpose and name', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), fc.string(), (bytes, purpose, name) => {
        const opened = sealer.open({ purpose, name }, sealer.seal({ purpose, name }, bytes))
        return opened.ok && Buffer.from(opened.value).equals(bytes)
      }),
    )
  })

  it('is another each time', () => {
    const texts = Array.from({ length: 1_000 }, () => sealer.seal(about, Buffer.from('secret')))
    expect(new Set(texts.map((text) => text.slice(0, 19))).size).to.equal(1_000)
  })

  it('opens for no other purpose or name, however they are put together', () => {
    const text = sealer.seal({ purpose: 'a', name: 'b,c' }, Buffer.from('secret'))
    const others = [
      ['a', 'b'],
      ['a,b', 'c'],
      ['a","b', 'c'],
      ['b,c', 'a'],
      ['', 'ab,c'],
      ['A', 'b,c'],
    ] as const
    for (const [purpose, name] of others) expect(sealer.open({ purpose, name }, text).ok).to.equal(false)
    expect(sealer.open({ purpose: 'a', name: 'b,c' }, text).ok, 'a control').to.equal(true)
  })

  it('opens with no other seal key', () => {
    const text = sealer.seal(about, Buffer.from('secret'))
    expect(newSealer().open(about, text)).to.deep.equal({
      ok: false,
      error: 'does not open: it was sealed with another key, for something else, or has changed',
    })
  })

  it('does not open with any one bit changed', () => {
    const sealed = Buffer.from(sealer.seal(about, Buffer.from('secret')).slice(3), 'base64url')
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const other = Buffer.from(sealed)
      other.writeUInt8(other.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(sealer.open(about, `v1.${other.toString('base64url')}`).ok, `bit ${bit}`).to.equal(false)
    }
  })

  it('does not open cut off, or with more behind it', () => {
    const text = sealer.seal(about, Buffer.from('secret'))
    for (let length = 0; length < text.length; length += 1)
      expect(sealer.open(about, text.slice(0, length)).ok).to.equal(false)
    for (const more of ['AAAA', '=', ' ', '\n', '.']) expect(sealer.open(about, text + more).ok).to.equal(false)
  })

  it('is of this version', () => {
    const text = sealer.seal(about, Buffer.from('secret'))
    for (const other of [text.replace('v1', 'v2'), text.replace('v1.', ''), ` ${text}`])
      expect(sealer.open(about, other)).to.deep.equal({ ok: false, error: 'is not a sealed text' })
  })

  it('needs a seal key of 32 bytes', () => {
    for (const bytes of [0, 16, 31, 33, 64])
      expect(() => createSealer(new Secret(randomBytes(bytes)))).to.throw('A seal key has 32 bytes')
  })
})
