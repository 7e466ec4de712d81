import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'

import { shellWord } from '../../src/commands/mayfly-command.ts'

describe('a word for a shell', () => {
  it('is what it was when the shell has read it', () => {
    const printable = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(fc.array(printable, { minLength: 1, maxLength: 50 }), (words) => {
        const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`
        const read = execFileSync('sh', ['-c', script], { encoding: 'utf8' })
        expect(read.split('\0').slice(0, -1)).to.deep.equal(words)
      }),
      { numRuns: 20 },
    )
  })

  it('is left as it is where nothing in it means anything to a shell', () => {
    expect(shellWord('/work/main')).to.equal('/work/main')
    expect(shellWord("it's a folder")).to.equal("'it'\\''s a folder'")
    expect(shellWord('')).to.equal("''")
  })
})
