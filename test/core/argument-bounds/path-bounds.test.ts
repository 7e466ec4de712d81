import { expect } from 'chai'
import fc from 'fast-check'
import { posix } from 'node:path'

import { holds, misplaced, type Row } from './support/evaluate.ts'

const rows: readonly Row[] = [
  [
    { within_path: '/srv/data' },
    ['/srv/data', '/srv/data/', '/srv/data/a', '/srv/data/a b/c', '/srv/data/..a', '/srv/data/a..', '/srv/data/...', '/srv/data/100%', '/srv/data/%41', '/srv/data/\u00e9'],
    [
      '', '/', '/srv', '/srv/dat', '/srv/database', '/srv/data2/a', '/SRV/data/a', 'srv/data', './srv/data', '~/srv/data',
      '/srv/data/..', '/srv/data/../secret', '/srv/data/a/../b', '/srv/data/./a', '/srv/data/.', '/srv/data/..;/a',
      '/srv/data//a', '//srv/data/a', '/srv/data/a//',
      '/srv/data/a\u0000', '/srv/data/a\n', '/srv/data/\u0085', '/srv/data\\..\\secret', '/srv/data/a\\b',
      '/srv/data/%2e%2e/secret', '/srv/data/.%2E/secret', '/srv/data/a%2fb', '/srv/data/a%5cb', '/srv/data/%00', '/srv/data/%252e%252e/x',
      '/srv/data/%25252F', '/srv/data/%c0%ae%c0%ae/secret',
      '/srv/data/\uff0e\uff0e/secret', '/srv/data/\u2025/secret', '/srv/data/a\uff3cb', '/srv/data/\uff0e\uff0e\uff0fsecret', '/srv/data/\uff05\uff12e',
      'file:///srv/data/a', 'C:\\srv\\data', ' /srv/data/a', ['/srv/data/a'], 1, null, {},
    ],
  ],
  [{ within_path: '/srv/data/' }, ['/srv/data', '/srv/data/a'], ['/srv/database']],
  [{ within_path: '/' }, ['/', '/etc/passwd'], ['', 'etc', '/..', '//etc', '/../etc']],
  [{ within_path: '/caf\u00e9' }, ['/caf\u00e9/a'], ['/cafe\u0301/a']],
  [{ within_path: '/srv/../etc' }, [], ['/etc/passwd', '/srv/../etc/passwd']],
  [{ within_path: 'srv' }, [], ['srv', '/srv']],
  [{ within_path: ['/srv'] }, [], ['/srv']],
] // prettier-ignore

/** Everything that a lenient reader of a path may do to it before it opens the file. */
const READERS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => path.replaceAll('\\', '/'),
  (path) => path.normalize('NFKC'),
  (path) => path.split('\u0000')[0] ?? '',
  (path) => path.split('/').map((segment) => segment.split(';')[0]).join('/'),
  (path) => path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
] // prettier-ignore

const fragment = fc.constantFrom(
  '/', '/', '/', 'srv', 'data', '/srv/data', '/srv/data/', '.', '..', '...', '\\', '%2e', '%2E%2e', '%2f', '%5c', '%25', '2e', '\u0000',
  ';', 'a', ' ', '\uff0e', '\u2025', '\uff0f', '\uff3c', '%', '~',
) // prettier-ignore

describe('a bound on paths', () => {
  it('holds for normalised absolute paths below it', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('never lets out a path that some reader takes somewhere else, however often it is read', () => {
    let accepted = 0
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 8 }),
        fc.array(fc.nat(READERS.length - 1), { maxLength: 5 }),
        (parts, readings) => {
          const path = `/srv/data/${parts.join('')}`
          if (!holds({ within_path: '/srv/data' }, path)) return
          accepted += 1
          let read = path
          for (const which of readings) read = READERS[which]?.(read) ?? ''
          const opened = posix.resolve('/elsewhere', read)
          expect(`${opened}/`.startsWith('/srv/data/'), `${JSON.stringify(path)} opens ${opened}`).to.equal(true)
        },
      ),
      { numRuns: 5000 },
    )
    expect(accepted).to.be.at.least(200)
  })

  it('holds for what node:path finds below it, if that was normalised before', () => {
    const plain = fc
      .array(fc.constantFrom('a', 'data', 'srv', 'b.c', '..d'), { maxLength: 4 })
      .map((all) => `/${all.join('/')}`)
    fc.assert(
      fc.property(plain, plain, (bound, path) => {
        const below = posix.relative(bound, path)
        expect(holds({ within_path: bound }, path)).to.equal(below !== '..' && !below.startsWith('../'))
      }),
    )
  })
})
