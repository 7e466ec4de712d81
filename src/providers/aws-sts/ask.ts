import { SECOND_MS } from '../../core/time.ts'
import { awsFailure } from './aws-failure.ts'

/** How long one call to AWS may take, with everything that belongs to it. */
export const CALL_MS = 5 * SECOND_MS

/**
 * One call to AWS, ended by the signal or after its time, whichever is first. The race is for what does not look at the
 * signal, such as a credential chain that waits for a metadata service. Rejects with an `AwsFailure` and nothing else.
 */
export async function ask<T>(
  what: string,
  signal: AbortSignal,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)])
  try {
    abortSignal.throwIfAborted()
    return await Promise.race([send({ abortSignal }), aborted(abortSignal)])
  } catch (error) {
    throw awsFailure(what, error)
  }
}

/** Rejects when the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = (): void => reject(new DOMException('The call was given up', 'AbortError'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
