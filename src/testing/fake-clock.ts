/** A clock on which waiting takes no time: a sleep moves it on. */
export interface FakeClock {
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  random(): number
  /** The sleeps so far, in milliseconds. */
  readonly sleeps: number[]
  /** Moves the time on. */
  advance(ms: number): void
}

/** A clock that begins at `start` (milliseconds since 1970) and draws 0 as its random number. */
export function createFakeClock(start = Date.parse('2026-01-01T00:00:00Z')): FakeClock {
  let time = start
  const sleeps: number[] = []
  return {
    now: () => time,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      sleeps.push(ms)
      time += ms
    },
    random: () => 0,
    sleeps,
    advance(ms) {
      time += ms
    },
  }
}
