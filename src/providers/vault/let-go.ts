import { VaultFailure } from './failure.ts'

/** What others wait for too: the signal lets this caller go, and the work goes on. */
export function letGo<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(new VaultFailure('The broker gave up', null))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([shared, aborted]).finally(() => signal.removeEventListener('abort', abort))
}
