import type { Readable, Writable } from 'node:stream'

/** The world of a command: what it reads and where it writes. Data goes to stdout, everything else to stderr. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Paths on the command line are relative to it: where the user stands, also under `npm run`. */
  readonly cwd: string
  readonly readStdin: () => Promise<string>
  /** Somebody sits in front of it, so that a question can be asked. */
  readonly interactive: boolean
  /** Colour is welcome: a terminal, and no `NO_COLOR`. */
  readonly colour: boolean
  /** Aborted by the first interrupt: a command that waits or follows ends in order. */
  readonly interrupted: AbortSignal
  /** Where questions are asked and answered; the terminal of the process where it is left out. */
  readonly questions?: { readonly input: Readable; readonly output: Writable }
}
