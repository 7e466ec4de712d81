import type { Recovery } from '../client/resources.ts'
import { card, type CardEntry } from './card.ts'
import { counted } from './counted.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

const STATES = {
  none: 'none: this is what one would do',
  waiting: 'waiting: nobody has begun it; nothing is minted',
  running: 'running; nothing is minted',
  carried_out: 'carried out; nothing is minted until it is acknowledged',
} as const

/** A recovery for people: each step with what it did and what it could not do. */
export function recoveryCard(terminal: Terminal, { state, detail, begun, steps }: Recovery): string {
  return card(terminal, [
    ['recovery', [STATES[state]]],
    ['because', detail === null ? [] : [printable(detail)]],
    ['begun', begun === null ? [] : [printable(`by ${begun.by} at ${begun.at}: ${begun.reason}`)]],
    ...steps.map(({ step, name, state: done, detail: said, ended, remains }): CardEntry => [
      printable(name ?? step),
      [
        printable(state === 'none' || state === 'waiting' ? said : `${done}: ${said}`),
        ...ended.map((each) => printable(`ended: ${each}`)),
        ...remains.map((each) => printable(`remains: ${each}`)),
      ],
    ]),
  ])
}

/** What a recovery hits, in a sentence, before it is begun. */
export function wouldDo({ hits, steps }: Recovery): string {
  const cut = steps.flatMap(({ name }) => (name === null ? [] : [name]))
  const providers = cut.length === 0 ? '' : `, and cuts off ${cut.map(printable).join(', ')}`
  return (
    `This ends ${counted(hits.leases, 'lease')} with ${counted(hits.credentials, 'credential')}, replaces every signing key${providers}. ` +
    'Nothing is minted until it is acknowledged.'
  )
}
