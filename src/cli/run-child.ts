import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** How a command ended. */
export interface Ended {
  /** As shells count it: a signal is 128 and its number, a command that could not start 126 or 127. */
  readonly exitCode: number
  readonly how: string
  readonly started: boolean
}

interface Child {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Not handed on: the terminal sends them to the child itself. */
  readonly sentByTerminal: readonly NodeJS.Signals[]
}

const HANDED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** Runs a command on our own standard streams to its end, and hands on the signals that are sent to us meanwhile. */
export function runChild({ command, args, env, cwd, sentByTerminal }: Child): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...env }, cwd, stdio: 'inherit' })
    const handOn = (signal: NodeJS.Signals): void => {
      if (!sentByTerminal.includes(signal)) child.kill(signal)
    }
    const end = (ended: Ended): void => {
      for (const signal of HANDED_ON) process.off(signal, handOn)
      resolve(ended)
    }
    for (const signal of HANDED_ON) process.on(signal, handOn)
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const exitCode = code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE
      end({ exitCode, how: `did not start (${code ?? message})`, started: false })
    })
    child.once('exit', (code, signal) => {
      const started = true
      if (signal === null) end({ exitCode: code ?? 1, how: `ended with exit code ${code ?? 1}`, started })
      else end({ exitCode: 128 + constants.signals[signal], how: `was ended by ${signal}`, started })
    })
  })
}
