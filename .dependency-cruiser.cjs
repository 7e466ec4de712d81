/** The architecture, as data: core <- broker <- {config, store, providers, identity, rules, http} <- {app, local} <- main. */

const NPM = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown']
const NODE = ['core']

/** Folders as `core`, single files as `broker/ports.ts`. */
const inside = (place) => (place.endsWith('.ts') ? `^src/${place.replace('.', '\\.')}$` : `^src/${place}/`)

const ring = (name, allowed) => ({
  name: `${name}-imports-inward`,
  severity: 'error',
  from: { path: inside(name) },
  to: { path: '^src/', pathNot: [name, ...allowed].map(inside) },
})

const forbid = (name, from, to) => ({ name, severity: 'error', from, to })

module.exports = {
  forbidden: [
    forbid('no-cycles', {}, { circular: true }),
    forbid('no-orphans', { orphan: true, path: '^src/', pathNot: '^src/main\\.ts$' }, {}),
    forbid('everything-resolves', { path: '^src/' }, { couldNotResolve: true }),
    forbid('nobody-imports-main', {}, { path: '^src/main\\.ts$' }),
    forbid('src-stands-alone', { path: '^src/' }, { path: '^(test|scripts|bin|dist)/' }),
    forbid(
      'no-tools-at-run-time',
      { path: '^src/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),

    forbid('core-and-broker-are-pure', { path: '^src/(core|broker)/' }, { dependencyTypes: [...NPM, ...NODE] }),
    forbid('client-needs-only-fetch', { path: '^src/client/' }, { dependencyTypes: [...NPM, ...NODE] }),
    forbid(
      'providers-do-not-know-each-other',
      { path: '^src/providers/([^/.]+)(?:\\.ts$|/)' },
      { path: '^src/providers/', pathNot: '^src/providers/$1(?:\\.ts$|/)' },
    ),

    ring('core', []),
    ring('broker', ['core']),
    ring('config', ['core', 'broker/ports.ts']),
    ring('store', ['core', 'broker/ports.ts', 'broker/store-port.ts']),
    ring('providers', ['core', 'broker/ports.ts', 'broker/provider-port.ts']),
    // Who is asking is the broker's word for what identity finds out.
    ring('identity', ['core', 'broker/ports.ts', 'broker/caller.ts']),
    ring('rules', ['core', 'broker/ports.ts']),
    ring('http', ['core', 'broker']),
    ring('client', []),
    ring('cli', ['client']),
    ring('adapters', ['client']),
    ring('console', ['client']),
    ring('local', ['core', 'broker', 'config', 'rules', 'store', 'providers', 'identity']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
}
