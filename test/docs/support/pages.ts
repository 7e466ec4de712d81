import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const CHECKOUT = join(import.meta.dirname, '../../..')

/** Everything that is written for readers: the files at the top, and docs. Absolute paths. */
export function pages(): readonly string[] {
  const docs = readdirSync(join(CHECKOUT, 'docs')).filter((name) => name.endsWith('.md'))
  return [...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'], ...docs.map((name) => `docs/${name}`)].map(inCheckout)
}

export const inCheckout = (path: string): string => join(CHECKOUT, path)
export const readPage = (path: string): string => readFileSync(path, 'utf8')
