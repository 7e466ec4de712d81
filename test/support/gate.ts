/** Where calls wait until a test lets them go on. */
export interface Gate {
  /** Resolves once somebody is held, or is already. */
  readonly reached: () => Promise<void>
  readonly hold: () => Promise<void>
  readonly open: () => void
}

export function gate(): Gate {
  let held: (() => void)[] = []
  let watching: (() => void)[] = []
  return {
    hold: (): Promise<void> =>
      new Promise((resolve) => {
        held.push(resolve)
        watching.forEach((seen) => {
          seen()
        })
        watching = []
      }),
    reached: (): Promise<void> => (held.length > 0 ? Promise.resolve() : new Promise((seen) => watching.push(seen))),
    open: (): void => {
      held.forEach((go) => {
        go()
      })
      held = []
    },
  }
}
