import { isAccelError } from '../errors/accel-error.ts'

/** How often, and after which pauses, a task is tried. */
export interface AttemptsInit {
  /** Attempts in all. @default 5 */
  attempts?: number
  /** The first pause in milliseconds; it doubles with each attempt, and is spread over its upper half. @default 15 s */
  pauseMs?: number
  /** The longest pause. @default 15 min */
  maxPauseMs?: number
  /** A task that was running that often when the service died has perhaps killed it, and fails. @default 25 */
  interruptions?: number
}

/** Whether an attempt that ended with `error` may be followed by one that does better: the catalogue says so. */
export function canPass(error: unknown): boolean {
  return isAccelError(error) && error.retry !== 'never'
}

/** The pause behind the `attempt`th attempt, in milliseconds; `random` is in [0, 1). */
export function pauseBehind(
  attempt: number,
  init: Required<Pick<AttemptsInit, 'pauseMs' | 'maxPauseMs'>>,
  random: number,
): number {
  const full = Math.min(init.pauseMs * 2 ** (attempt - 1), init.maxPauseMs)
  return full / 2 + (full / 2) * random
}

/** Interruptions that are taken for the operator's; behind the next ones there is a pause, so that others get their turn. */
const UNSUSPICIOUS = 3

/** The pause before a task that was interrupted `times` times is taken up again. */
export function pauseOfInterrupted(
  times: number,
  init: Required<Pick<AttemptsInit, 'pauseMs' | 'maxPauseMs'>>,
  random: number,
): number {
  return times <= UNSUSPICIOUS ? 0 : pauseBehind(times - UNSUSPICIOUS, init, random)
}
