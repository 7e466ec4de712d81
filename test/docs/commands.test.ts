import { expect } from 'chai'
import type { Command } from 'commander'
import { program } from '../../src/commands/program.ts'
import { pages, readPage } from './support/pages.ts'

describe('commands in the documentation', () => {
  const mayfly = program({
    out: () => undefined,
    err: () => undefined,
    env: {},
    cwd: '/',
    readStdin: () => Promise.resolve(''),
    interactive: false,
    colour: false,
    interrupted: new AbortController().signal,
  })

  it('are there, with every option that they are shown with', () => {
    const named = pages().flatMap((page) => commandsIn(readPage(page)).map((words) => ({ page, words })))
    expect(named).to.have.length.above(10)
    expect(named.filter(({ words }) => faultIn(mayfly, words) !== undefined)).to.deep.equal([])
  })

  const controls = {
    'mayfly frobnicate': 'frobnicate',
    'mayfly rules frobnicate FILE': 'frobnicate',
    'mayfly audit verify --frobnicate FILE': '--frobnicate',
    'TOKEN=$(npm run -s mayfly -- dev frobnicate me)': 'frobnicate',
    'npm run -s mayfly -- serve --frobnicate=FILE': '--frobnicate',
  }
  for (const [text, fault] of Object.entries(controls)) {
    it(`would be missed where they are not there: ${text}`, () => {
      expect(commandsIn(`Try \`${text}\`.`).map((words) => faultIn(mayfly, words))).to.deep.equal([fault])
    })
  }
})

/** The words after each `mayfly`, as far as it reads them itself. `mayfly --` alone is how npm is told to go on. */
function commandsIn(page: string): readonly (readonly string[])[] {
  return [...page.matchAll(/\bmayfly (?:-- )?(?!--`)([a-z-][^`\n;|&)]*)/g)].map(([, words = '']) =>
    (words.split(' -- ')[0] ?? '').trim().split(/\s+/),
  )
}

/** The first word that is no command of the program, or no option of the command. */
function faultIn(command: Command, [word, ...rest]: readonly string[]): string | undefined {
  const next = command.commands.find((each) => each.name() === word)
  if (next) return faultIn(next, rest)
  if (word !== undefined && /^[a-z]/.test(word) && command.commands.length > 0) return word
  const known = ['--help', ...command.options.flatMap(({ long }) => long ?? [])]
  const options = [word, ...rest].flatMap((each) => (each?.startsWith('--') === true ? (each.split('=')[0] ?? '') : []))
  return options.find((option) => !known.includes(option))
}
