import { readFile } from 'node:fs/promises'

import { BUILT_IN_LABELS } from '../src/core/catalogue.ts'
import { ACTION_FACTS, LEASE_FACTS, type Fact } from '../src/rules/fact-table.ts'
import { FUNCTIONS } from '../src/rules/fact-types.ts'

const DOC = new URL('../docs/rules.md', import.meta.url)

const factRows = (facts: readonly Fact[]): string =>
  [
    '| fact | type | |',
    '|---|---|---|',
    ...facts.map(({ name, type, says }) => `| \`${name}\` | \`${type}\` | ${says} |`),
  ].join('\n')

const PARTS: Readonly<Record<string, string>> = {
  facts: factRows(LEASE_FACTS),
  'action-facts': factRows(ACTION_FACTS),
  functions: [
    '| function | |',
    '|---|---|',
    ...FUNCTIONS.map(({ signature, says }) => `| \`${signature}\` | ${says} |`),
  ].join('\n'),
  labels: `Built in: ${BUILT_IN_LABELS.map((label) => `\`${label}\``).join(', ')}.`,
}

/** The page as it is, with the parts between its markers made from what conditions are compiled against. */
export async function renderRulesDoc(): Promise<string> {
  let text = await readFile(DOC, 'utf8')
  for (const [name, part] of Object.entries(PARTS)) {
    const between = new RegExp(`(<!-- ${name}: [^\n]* -->\n)[^]*?(<!-- /${name} -->)`)
    if (!between.test(text)) throw new Error(`docs/rules.md has no place for ${name}`)
    text = text.replace(between, (_, open: string, close: string) => `${open}\n${part}\n\n${close}`)
  }
  return text
}
