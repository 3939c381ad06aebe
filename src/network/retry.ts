import type { Clock } from './clock.ts'

/** How long, and how often, one request is tried. */
export interface RetryInit {
  /** Attempts in all. @default 5 */
  attempts?: number
  /** First pause in milliseconds; it doubles with each attempt and is spread over its upper half. @default 500 */
  pauseMs?: number
  /** Longest pause that we choose. @default 30_000 */
  maxPauseMs?: number
  /** Longest pause that a registry may ask for by Retry-After; a longer one is cut to it. @default 300_000 */
  maxRetryAfterMs?: number
  /** How long a server that has answered before may be away: restarted, moved, cut off. @default 180_000 */
  awayMs?: number
  /** No attempt starts later than this after the first one. @default 600_000 */
  totalMs?: number
}

/** The pauses of one piece of work that may be tried again. */
export interface Retries {
  /** Attempts begun so far. */
  readonly attempts: number
  /** Begins the count anew, since something was achieved. */
  progressed(): void
  /**
   * Waits before the next attempt, `atLeastMs` or longer; false when there must be none. Rejects when `signal` aborts. A server
   * that is `away` is asked for as long as `awayMs`, however often that is.
   */
  again(
    atLeastMs: number | undefined,
    signal: AbortSignal | undefined,
    away?: boolean,
  ): Promise<boolean>
}

/** Counts attempts, the first of which has begun. */
export function createRetries(clock: Clock, init: RetryInit): Retries {
  const {
    attempts = 5,
    pauseMs = 500,
    maxPauseMs = 30_000,
    maxRetryAfterMs = 300_000,
    awayMs = 180_000,
    totalMs = 600_000,
  } = init
  let count = 1
  let since = clock.now()
  return {
    get attempts() {
      return count
    },
    progressed() {
      count = 1
      since = clock.now()
    },
    async again(atLeastMs, signal, away = false) {
      if (count >= attempts && !(away && clock.now() - since < awayMs)) return false
      const full = Math.min(pauseMs * 2 ** (count - 1), maxPauseMs)
      const ours = full / 2 + (full / 2) * clock.random()
      const pause = Math.max(ours, Math.min(atLeastMs ?? 0, maxRetryAfterMs))
      if (clock.now() + pause - since > totalMs) return false
      count++
      await clock.sleep(pause, signal)
      return true
    },
  }
}

/** Whether an answer is that of a proxy whose server is away, or of a server that is just starting or stopping. */
export function isAwayStatus(status: number): boolean {
  return status >= 502 && status <= 504
}

/** Whether an answer may be another one when asked again: too many requests, time-outs and failures of the server. */
export function isRetryableStatus(status: number): boolean {
  return status === 429 || status === 408 || status === 500 || (status >= 502 && status <= 504)
}

/**
 * The pause a Retry-After header asks for, in milliseconds from `now`: whole seconds, or a date. Undefined without one, or
 * when it cannot be read. Source: RFC 9110, section 10.2.3.
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  // A date has a letter; Date.parse alone would take "-5" for one.
  if (!/[a-z]/i.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
