const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** From here to the end of its scope no signal ends this process by itself: the first aborts `signal`, and what was begun is put in order. */
export function stopSignals(): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController()
  const abort = (): void => {
    stop.abort()
  }
  for (const signal of SIGNALS) process.on(signal, abort)
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, abort)
    },
  }
}
