#!/usr/bin/env node
// Plain JavaScript that an old Node can read too: the version is looked at before anything native or typed is loaded.
import { existsSync } from 'node:fs'

const here = (path) => new URL(path, import.meta.url)

const [major] = process.versions.node.split('.').map(Number)
// Node 24 is the first to know `using` and the disposable stacks.
if (major < 24) {
  // It does not start the pinned Node itself: the started process is the broker, and no child of it.
  const mend = existsSync(here('../node_modules/.bin/node'))
    ? 'This checkout has its own Node: run `npm run -s mayfly -- ...`.'
    : existsSync(here('../package-lock.json'))
      ? 'Run `npm ci`, which brings Node 24, and then `npm run -s mayfly -- ...`.'
      : 'Install Node 24 and run this again.'
  process.stderr.write(`mayfly needs Node 24 or newer, and this is ${process.version}. ${mend}\n`)
  process.exit(1)
}

// A checkout runs its sources; the published package has only what was built from them.
const source = here('../src/main.ts')
await import(existsSync(source) ? source.href : here('../dist/main.js').href)
