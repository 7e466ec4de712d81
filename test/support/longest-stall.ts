/** Watches the loop of this process until it is disposed of. */
export interface LoopWatch extends Disposable {
  /** The longest time, in milliseconds, that nothing else could run. What other processes took from this one is no stall. */
  readonly longest: () => number
}

const EVERY_MS = 2

export function watchLoop(): LoopWatch {
  let longest = 0
  let [at, cpu] = [performance.now(), process.threadCpuUsage()]
  const look = (): void => {
    const [now, used] = [performance.now(), process.threadCpuUsage(cpu)]
    const busyMs = (used.user + used.system) / 1000
    longest = Math.max(longest, Math.min(now - at - EVERY_MS, busyMs))
    ;[at, cpu] = [now, process.threadCpuUsage()]
  }
  const timer = setInterval(look, EVERY_MS)
  return {
    longest: () => longest,
    [Symbol.dispose]: () => {
      clearInterval(timer)
    },
  }
}
