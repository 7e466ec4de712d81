import { readFileSync, statSync } from 'node:fs'

import type { ConfigurationSources } from './configuration-sources.ts'

/** A configuration from this machine's files, and the environment that is handed in. */
export const fileSources = (env: ConfigurationSources['env']): ConfigurationSources => ({
  readFile: (path) => readFileSync(path, 'utf8'),
  modeOf: (path) => statSync(path).mode & 0o777,
  env,
})
