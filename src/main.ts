import { fstatSync } from 'node:fs'
import { text } from 'node:stream/consumers'

import type { Terminal } from './cli/terminal.ts'
import { run } from './commands/program.ts'

/** The process: the only file that reads the environment. */
const { env, stdin, stdout, stderr } = process

const interrupt = new AbortController()
process.once('SIGINT', () => {
  interrupt.abort()
})
// Whoever reads our output may stop reading, as `head` does: that ends the command and is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const terminal: Terminal = {
  out: (data) => void stdout.write(data),
  err: (data) => void stderr.write(data),
  env,
  cwd: env['INIT_CWD'] ?? process.cwd(),
  readStdin: () => text(stdin),
  interactive: stdin.isTTY && stdout.isTTY,
  colour: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && !fstatSync(1).isFile(),
  interrupted: interrupt.signal,
}

const code = await run(process.argv.slice(2), terminal)
// Exits by itself once everything is written: a loop that runs empty gives signals their default back first, and a
// SIGTERM that comes while a broker ends in order would turn its 0 into a failure.
stdout.write('', () => {
  process.exit(code)
})
