import { HEARTBEAT } from '../../api/sse.ts'

/** Characters that may wait for a client; one that is further behind is cut off and comes back with its Last-Event-ID. */
const MAX_PENDING = 256 * 1024

export interface EventStreamInit {
  /** Milliseconds between two signs of life, so that no proxy takes the connection for dead. */
  heartbeatMs: number
  /** Ends the connection of a client that does not read. */
  cutOff(): void
  /** Called once, when the stream has ended, however. */
  onEnd(): void
}

/**
 * Server-sent events on their way to one client. Holds at most MAX_PENDING characters and one event for each key of
 * `sendLatest`.
 */
export class EventStream {
  readonly #init: EventStreamInit
  readonly #heartbeat: NodeJS.Timeout
  readonly #encoder = new TextEncoder()
  #pending: string[] = []
  #pendingSize = 0
  readonly #latest = new Map<string, string>()
  #wake: (() => void) | undefined
  #ended = false

  constructor(init: EventStreamInit) {
    this.#init = init
    this.#heartbeat = setInterval(() => this.#beat(), init.heartbeatMs)
    this.#heartbeat.unref()
  }

  /** Sends `text` behind everything that was sent before. */
  send(text: string): void {
    if (this.#ended) return
    this.#pending.push(text)
    this.#pendingSize += text.length
    if (this.#pendingSize > MAX_PENDING) {
      this.#init.cutOff()
      this.end()
    } else this.#wake?.()
  }

  /** Sends `text` in place of what was sent with the same key and has not left yet. */
  sendLatest(key: string, text: string): void {
    if (this.#ended) return
    this.#latest.set(key, text)
    this.#wake?.()
  }

  /** Takes back what `sendLatest` was given and has not left yet. */
  dropLatest(key: string): void {
    this.#latest.delete(key)
  }

  /** Closes the stream behind what was sent. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#heartbeat)
    this.#latest.clear()
    this.#init.onEnd()
    this.#wake?.()
  }

  /** The bytes, taken as fast as the client reads them. */
  body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const text = await this.#next()
          if (text === '') controller.close()
          else controller.enqueue(this.#encoder.encode(text))
        },
        cancel: () => {
          this.#pending = []
          this.end()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** All that waits; empty at the end. */
  async #next(): Promise<string> {
    while (this.#pending.length === 0 && this.#latest.size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = undefined
    }
    const text = this.#pending.join('') + [...this.#latest.values()].join('')
    this.#pending = []
    this.#pendingSize = 0
    this.#latest.clear()
    return text
  }

  #beat(): void {
    if (this.#pending.length === 0 && this.#latest.size === 0) this.send(HEARTBEAT)
  }
}
