import type { TaskClock } from '../tasks/clock.ts'

/** A clock that moves when the test says so. */
export interface ManualClock extends TaskClock {
  /** Lets time pass, and calls what is due, in order. */
  advance(ms: number): void
  /** Sets the clock on the wall, while no time passes. */
  set(now: number): void
  /** When the next call is due, from now; undefined when none is. */
  readonly nextIn: number | undefined
}

/** A clock that begins at `start` (milliseconds since 1970) and draws 0 as its random number. */
export function createManualClock(start = Date.parse('2026-01-01T00:00:00Z')): ManualClock {
  let wall = start
  let elapsed = 0
  let calls: { at: number; call: () => void }[] = []
  const next = (): { at: number; call: () => void } | undefined =>
    calls.toSorted((a, b) => a.at - b.at)[0]
  return {
    now: () => wall,
    elapsed: () => elapsed,
    random: () => 0,
    after(ms, call) {
      const entry = { at: elapsed + ms, call }
      calls.push(entry)
      return () => void (calls = calls.filter((one) => one !== entry))
    },
    advance(ms) {
      const end = elapsed + ms
      for (let due = next(); due !== undefined && due.at <= end; due = next()) {
        const entry = due
        calls = calls.filter((one) => one !== entry)
        wall += entry.at - elapsed
        elapsed = entry.at
        entry.call()
      }
      wall += end - elapsed
      elapsed = end
    },
    set(now) {
      wall = now
    },
    get nextIn() {
      const due = next()
      return due === undefined ? undefined : due.at - elapsed
    },
  }
}
