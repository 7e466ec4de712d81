import { SECOND_MS } from '../../core/time.ts'
import { awsFailure } from './aws-failure.ts'

/** How long one call to AWS may take, with everything that belongs to it. */
export const CALL_MS = 5 * SECOND_MS

/** One call to AWS. Rejects with an `AwsFailure` and nothing else. */
export type Ask = <T>(
  what: string,
  signal: AbortSignal,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
) => Promise<T>

/**
 * Calls that are ended by their signal or after their time, whichever is first. The race is for what does not look at the
 * signal, such as a credential chain that waits for a metadata service.
 */
export const createAsk =
  (callMs: number): Ask =>
  async (what, signal, send) => {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(callMs)])
    try {
      abortSignal.throwIfAborted()
      return await unlessAborted(abortSignal, send({ abortSignal }))
    } catch (error) {
      throw awsFailure(what, error)
    }
  }

/** What a promise comes to, unless the signal aborts first. Leaves nothing at a signal that lives on. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let abort = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new DOMException('The call was given up', 'AbortError'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
