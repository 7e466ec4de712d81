import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAYFLY = fileURLToPath(new URL('../../../bin/mayfly.js', import.meta.url))

/** The command as a process of its own. */
export interface MayflyProcess extends AsyncDisposable {
  readonly kill: (signal: NodeJS.Signals) => void
  /** Resolves with everything that it has written, once that fits. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

export function mayflyProcess(args: readonly string[], env: Readonly<Record<string, string>>): MayflyProcess {
  const child = spawn(process.execPath, [MAYFLY, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return {
    ended,
    kill: (signal) => child.kill(signal),
    said: async (pattern) => {
      for (;;) {
        const match = pattern.exec(stdout + stderr)
        if (match) return match
        const more = [once(child.stdout, 'data'), once(child.stderr, 'data'), ended.then(() => 'ended')]
        if ((await Promise.race(more)) === 'ended' && !pattern.test(stdout + stderr))
          throw new Error(`It ended without saying ${String(pattern)}: ${stdout}${stderr}`)
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
