import { MayflyProblem } from '../client/mayfly-problem.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { printable } from './printable.ts'

/** Enough to see what is meant. */
const MOST_CANDIDATES = 5

const KINDS = { lse: 'lease', apr: 'approval', crd: 'credential', frz: 'freeze' } as const
/** What lists them. */
const LISTS = { lse: 'lease list', apr: 'approval list', crd: 'credential list', frz: 'freezes' } as const

interface Wanted {
  readonly kind: keyof typeof KINDS
  /** As it was typed: an id, or the beginning of one with or without its kind. */
  readonly given: string
  /** Everything that it could be the beginning of. Asked for only where it has to be. */
  readonly all: () => AsyncIterable<{ readonly id: string }>
}

/** The one id that is meant. */
export async function findId({ kind, given, all }: Wanted): Promise<string> {
  const body = given.replace(new RegExp(`^${kind}_`), '')
  if (/^[0-9a-hjkmnp-tv-z]{26}$/.test(body)) return `${kind}_${body}`
  const found = /^[0-9a-hjkmnp-tv-z]{1,25}$/.test(body) ? await startingWith(`${kind}_${body}`, all()) : []
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  if (only === undefined) {
    throw new CommandFailed(EXIT.notFound, {
      cause: `No ${KINDS[kind]} has an id that starts with "${printable(given)}".`,
      mend: `\`mayfly ${LISTS[kind]}\` shows what there is.`,
      link: 'docs/problems.md#not-found',
    })
  }
  const shown = found.slice(0, MOST_CANDIDATES).map((id) => `\n  ${id}`)
  throw new CommandFailed(EXIT.usage, {
    cause: `More than one ${KINDS[kind]} starts with "${printable(given)}":${shown.join('')}${found.length > MOST_CANDIDATES ? '\n  ...' : ''}`,
    mend: 'Write more of the id.',
  })
}

async function startingWith(prefix: string, all: AsyncIterable<{ readonly id: string }>): Promise<readonly string[]> {
  const found: string[] = []
  try {
    for await (const { id } of all) {
      if (id.startsWith(prefix)) found.push(id)
      if (found.length > MOST_CANDIDATES) break
    }
  } catch (error) {
    if (!(error instanceof MayflyProblem && error.slug === 'forbidden')) throw error
    throw new CommandFailed(EXIT.usage, {
      cause: 'Only an operator can write the beginning of an id: finding the rest takes a list.',
      mend: 'Write the whole id.',
    })
  }
  return found
}
