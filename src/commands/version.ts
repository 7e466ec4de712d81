import { readFileSync } from 'node:fs'

/** From package.json, which lies above the sources in a checkout and above dist/ in the published package. */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
).version
