import { spawnSync } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'

/** Makes dist/, what the published package runs: the compiled sources, and beside them the SQL they read at start. */
const root = new URL('../', import.meta.url)
const from = new URL('src/', root)
const to = new URL('dist/', root)

await rm(to, { recursive: true, force: true })
const compiler = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmitOnError']
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: 'inherit' })
if (status === 0) await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.ts') })
else process.exitCode = 1
