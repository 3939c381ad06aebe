import type { Clock } from '../network/clock.ts'

/** A wait that lets at most `perSecond` callers pass in a second, evenly, in the order in which they came. */
export function createPace(
  clock: Clock,
  perSecond: number,
  signal: AbortSignal,
): () => Promise<void> {
  const gap = 1000 / perSecond
  let free = 0
  return async () => {
    const now = clock.now()
    const at = Math.max(now, free)
    free = at + gap
    if (at > now) await clock.sleep(at - now, signal)
  }
}
