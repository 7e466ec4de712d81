import type { Context, Runnable, Suite } from 'mocha'

const reasons = new WeakMap<Runnable | Suite, string>()

/** Skips the running test, or from a `before` hook every test of its suite, and says why: a silent skip is a gap. */
export const skipBecause = (context: Context, why: string): never => {
  const running = context.runnable()
  const hookOf = 'type' in running && running.type === 'hook' ? running.parent : undefined
  reasons.set(hookOf ?? running, why)
  return context.skip()
}

/** Why a test was skipped: its own reason, or that of the nearest suite around it. */
export const reasonForSkip = (test: Runnable): string => {
  for (let at: Runnable | Suite | undefined = test; at !== undefined; at = at.parent) {
    const why = reasons.get(at)
    if (why !== undefined) return why
  }
  return 'marked so in the source'
}
