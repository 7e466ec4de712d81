/** The longest delay that a timer holds; anything beyond fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface TimerWatch extends Disposable {
  /** Delays, in milliseconds, that no timer holds. */
  readonly tooLong: () => readonly number[]
}

/** Looks at every timer that this process sets until it is disposed of. One that is too long is set, and held to the longest. */
export function watchTimers(): TimerWatch {
  const real = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval }
  const tooLong: number[] = []
  const watched = <T extends typeof setTimeout | typeof setInterval>(set: T): T =>
    new Proxy(set, {
      apply: (target, self, args: readonly unknown[]) => {
        const [run, ms, ...rest] = args
        if (!(Number(ms) > LONGEST_TIMER_MS)) return Reflect.apply(target, self, args)
        tooLong.push(Number(ms))
        return Reflect.apply(target, self, [run, LONGEST_TIMER_MS, ...rest])
      },
    })
  Object.assign(globalThis, { setTimeout: watched(real.setTimeout), setInterval: watched(real.setInterval) })
  const signal = AbortSignal.timeout.bind(AbortSignal)
  AbortSignal.timeout = (ms) => {
    if (ms > LONGEST_TIMER_MS) tooLong.push(ms)
    return signal(Math.min(ms, LONGEST_TIMER_MS))
  }
  return {
    tooLong: () => tooLong,
    [Symbol.dispose]: () => {
      Object.assign(globalThis, real)
      AbortSignal.timeout = signal
    },
  }
}
