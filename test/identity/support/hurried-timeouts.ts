/** How much faster than asked `AbortSignal.timeout` fires meanwhile. */
const FACTOR = 25

/** A platform timer that runs ahead: nobody waits five seconds for a test. `asked` is what was asked for, in milliseconds. */
export function hurriedTimeouts(): Disposable & { readonly asked: readonly number[] } {
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  const asked: number[] = []
  AbortSignal.timeout = (ms) => {
    asked.push(ms)
    return timeout(ms / FACTOR)
  }
  return {
    asked,
    [Symbol.dispose]() {
      AbortSignal.timeout = timeout
    },
  }
}
