import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Run as a command under a lease: prints what it was given, then ends with the exit code that it is told. */
const { env, argv } = process
const folder = join(env['MAYFLY_LEASE_FILE'] ?? '', '..')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
const seen = {
  env,
  args: argv.slice(2),
  cwd: process.cwd(),
  folder,
  modes: { '.': modeOf(folder), ...Object.fromEntries(files.map((name) => [name, modeOf(join(folder, name))])) },
  texts: Object.fromEntries(
    files
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  ),
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
process.exitCode = Number(argv[2] ?? 0)
