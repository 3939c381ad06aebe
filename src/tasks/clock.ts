/** Time, so that tests need not wait for it. */
export interface TaskClock {
  /** What the time is: milliseconds since 1970. It may be set, forwards and backwards. */
  now(): number
  /** Milliseconds since some moment; it is never set. */
  elapsed(): number
  /** Calls `call` in `ms`, unless the returned function is called before. */
  after(ms: number, call: () => void): () => void
  /** A number in [0, 1) by which pauses are spread. */
  random(): number
}

/** The machine's clock. What it still has to call does not keep the process alive. */
export const systemClock: TaskClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, LONGEST_TIMER))
    timer.unref()
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Node calls at once what is to be called later than this. */
const LONGEST_TIMER = 2 ** 31 - 1
