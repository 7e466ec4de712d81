import type { Command } from 'commander'

import type { Page, SigningKey } from '../client/resources.ts'
import { confirmStop } from './confirm-stop.ts'
import { counted } from './counted.ts'
import { doing } from './doing.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { when } from './when.ts'

interface Rotate {
  readonly reason?: string
  readonly yes?: boolean
  readonly json?: boolean
}

/** `mayfly keys`: the keys that the broker signs access tokens and checkpoints with. */
export function keyCommands(program: Command, terminal: Terminal): void {
  const keys = group(program, 'keys', "see and rotate the broker's signing keys")
  const signal = terminal.interrupted
  const show = (page: Page<SigningKey>, json: boolean): void =>
    terminal.out(json ? jsonLine(page) : table(terminal, HEADINGS, page.items.map(row)))

  keys
    .command('list')
    .description('list the signing keys; never a private key')
    .option('--json', "the API's page: { items, next_cursor }")
    .action(
      doing(terminal, async ({ json = false }: { readonly json?: boolean }) => {
        show(await (await operatorClient(terminal)).keys.list({ signal }), json)
      }),
    )

  keys
    .command('rotate')
    .description('make the next keys sign now; what was signed before goes on to verify')
    .option('--reason <text>', 'for the record')
    .option('--yes', 'do not ask')
    .option('--json', "the API's page: { items, next_cursor }")
    .action(
      doing(terminal, async ({ reason, yes = false, json = false }: Rotate) => {
        const client = await operatorClient(terminal)
        const current = (await client.keys.list({ signal })).items.filter(({ state }) => state === 'current')
        const says = `This rotates ${counted(current.length, 'key')}. Tokens that they signed stay good to their end.`
        await confirmStop(terminal, { says, question: 'Rotate?', yes })
        show(await client.keys.rotate(reason ?? null, { signal }), json)
      }),
    )
}

const HEADINGS = ['KEY', 'USE', 'ALGORITHM', 'STATE', 'SIGNS', 'ENDS']

const row = ({ kid, use, algorithm, state, signs_from, ends }: SigningKey): readonly string[] => [
  kid,
  use,
  algorithm,
  state,
  when(signs_from),
  ends === null ? '' : when(ends),
]
