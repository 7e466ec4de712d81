/** One run at a time: a call during a run asks for one more after it, however many such calls there are. */
export function coalesced(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let again: Promise<void> | undefined

  function kick(): Promise<void> {
    if (!running) {
      running = run().finally(() => {
        running = undefined
      })
      return running
    }
    again ??= running
      .catch(() => undefined)
      .then(() => {
        again = undefined
        return kick()
      })
    return again
  }
  return kick
}
