import { setTimeout as pause } from 'node:timers/promises'

/** Time that does not jump, in milliseconds with fractions. */
export interface Stopwatch {
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The process's. */
export const processStopwatch: Stopwatch = {
  now: () => performance.now(),
  sleep: (ms, signal) => pause(ms, undefined, signal === undefined ? {} : { signal }),
}

/** What is added to the connection that there is. */
export interface LinkInit {
  /** Milliseconds before each request. @default 0 */
  latencyMs?: number
  /** Bytes of answers in a second, of all requests together. @default as many as come */
  bytesPerSecond?: number
}

/** Timers are no finer than this many milliseconds; a shorter wait is made up for by the next. */
const TICK = 1

/**
 * A connection that is slower than the real one: every request waits before it is sent, as long as it takes for a packet
 * to go and come, and the bytes of answers pass one after the other. What the real connection takes comes on top.
 */
export class Link {
  readonly #stopwatch: Stopwatch
  readonly #latencyMs: number
  readonly #bytesPerSecond: number
  /** When the last byte so far has passed. */
  #freeAt = 0

  constructor(stopwatch: Stopwatch, { latencyMs = 0, bytesPerSecond = Infinity }: LinkInit) {
    this.#stopwatch = stopwatch
    this.#latencyMs = latencyMs
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Waits for a request to be under way. */
  async request(signal: AbortSignal): Promise<void> {
    if (this.#latencyMs > 0) await this.#stopwatch.sleep(this.#latencyMs, signal)
  }

  /** Waits until `bytes` of an answer have passed. */
  async carry(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === Infinity) return
    const now = this.#stopwatch.now()
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes / this.#bytesPerSecond) * 1000
    const wait = this.#freeAt - now
    if (wait >= TICK) await this.#stopwatch.sleep(wait, signal)
  }
}
