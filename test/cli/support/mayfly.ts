import { run } from '../../../src/commands/program.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Of stdout, where it is one JSON document. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the output is what is being tested
  readonly json: any
}

export interface Setting extends Partial<Terminal> {
  readonly stdin?: string
  /** Called with everything that is written, as it is written. */
  readonly heard?: (text: string) => void
}

/** Runs one command line in this process, in a world of its own: nothing of the environment of the tests is in it. */
export async function mayfly(args: readonly string[], { stdin = '', heard, ...over }: Setting = {}): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const code = await run(args, {
    out: (text) => {
      stdout += text
      heard?.(text)
    },
    err: (text) => {
      stderr += text
      heard?.(text)
    },
    env: {},
    cwd: process.cwd(),
    readStdin: () => Promise.resolve(stdin),
    interactive: false,
    colour: false,
    interrupted: new AbortController().signal,
    ...over,
  })
  return {
    code,
    stdout,
    stderr,
    get json() {
      return JSON.parse(stdout)
    },
  }
}

/** The lines of NDJSON. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the output is what is being tested
export const linesOf = (ndjson: string): readonly any[] =>
  ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
