import type { Dispatcher } from 'undici'
import type { ByteSource } from '../streams/byte-source.ts'
import { abortError } from './abort.ts'

/** Answer headers, names in lower case. */
export type Headers = Record<string, string | string[] | undefined>

/** One value of a header that may come several times. */
export function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** One HTTP request as it goes on the wire. */
export interface Outgoing {
  method: string
  url: URL
  headers: Record<string, string>
  /** With its `content-length` among the headers. A stream is read once, at the speed of the connection. */
  body?: Uint8Array | ByteSource | undefined
  /** Longest wait for the answer's head, once the body is sent. */
  headersTimeoutMs: number
  /** Longest time in which no byte moves, in either direction, while the other side is waited for. */
  stallTimeoutMs: number
  signal?: AbortSignal | undefined
  /** Names the request in ABORTED. */
  what: string
}

/** The head of an answer, and its body, which must be read to its end or given up by `discard`. */
export interface Incoming {
  status: number
  headers: Headers
  /** Read once. Chunks are the reader's own. Ends early by `return()`, which closes the connection. */
  body: ByteSource
  /** Reads a short rest, so that the connection can be used again, or closes the connection. */
  discard(): Promise<void>
}

/** Bytes received ahead of the reader, per answer. */
const WINDOW = 1024 * 1024

/** An answer that nobody wants is read up to this size; beyond, a new connection is cheaper. */
const DISCARD_LIMIT = 64 * 1024

/** Thrown inside when a reader leaves; nobody sees it. */
const abandoned = new Error('the reader left')

/**
 * Sends one request and returns when the head of the answer is there. Throws what the connection threw (see
 * `connection-error.ts`), what the body's source threw, or ABORTED.
 */
export function exchange(dispatcher: Dispatcher, outgoing: Outgoing): Promise<Incoming> {
  const { url, signal, what } = outgoing
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(abortError(signal, what))
    let controller: Dispatcher.DispatchController | undefined
    let failed: Error | undefined
    const queue = createQueue(() => controller?.resume())

    const fail = (error: Error) => {
      failed ??= error
      signal?.removeEventListener('abort', stop)
      queue.fail(failed)
      reject(failed)
    }
    const abort = (error: Error) => {
      fail(error)
      controller?.abort(error)
    }
    const stop = () => abort(abortError(signal as AbortSignal, what))
    signal?.addEventListener('abort', stop, { once: true })

    const upload =
      outgoing.body === undefined || outgoing.body instanceof Uint8Array
        ? outgoing.body
        : watched(outgoing.body, outgoing.stallTimeoutMs, abort)
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: outgoing.method,
          headers: outgoing.headers,
          // Undici takes any iterable; its types name the common ones only.
          body: (upload ?? null) as Uint8Array | null,
          headersTimeout: outgoing.headersTimeoutMs,
          bodyTimeout: outgoing.stallTimeoutMs,
          // Undici closes the connection after a HEAD, for servers that send a body then; a registry gets many HEADs.
          reset: false,
        },
        {
          onRequestStart(started) {
            controller = started
            if (failed !== undefined) started.abort(failed)
          },
          onResponseStart(_, status, headers) {
            // 1xx answers come before the real one.
            if (status >= 200) resolve(incoming(status, headers, queue, () => abort(abandoned)))
          },
          onResponseData(current, chunk) {
            if (queue.push(chunk)) current.pause()
          },
          onResponseEnd() {
            signal?.removeEventListener('abort', stop)
            queue.end()
          },
          onResponseError(_, error) {
            fail(error)
          },
        },
      )
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

function incoming(status: number, headers: Headers, queue: Queue, leave: () => void): Incoming {
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = await queue.shift()
        if (chunk === undefined) return
        yield chunk
      }
    } finally {
      if (!queue.ended()) leave()
    }
  }
  const source = body()
  return {
    status,
    headers,
    body: source,
    async discard() {
      let size = 0
      try {
        for await (const chunk of source) {
          size += chunk.length
          if (size > DISCARD_LIMIT) break
        }
      } catch {
        // The answer is not wanted, so neither is its failure.
      }
      // A generator that was never started does not run its `finally`.
      if (!queue.ended()) leave()
    },
  }
}

interface Queue {
  /** Takes a chunk; true when the window is full. */
  push(chunk: Uint8Array): boolean
  end(): void
  fail(error: Error): void
  /** The next chunk, undefined at the end. */
  shift(): Promise<Uint8Array | undefined>
  ended(): boolean
}

function createQueue(resume: () => void): Queue {
  const chunks: Uint8Array[] = []
  let size = 0
  let full = false
  let state: 'open' | 'ended' | 'failed' = 'open'
  let error: Error | undefined
  let wake: (() => void) | undefined

  function wakeUp(): void {
    wake?.()
    wake = undefined
  }

  return {
    push(chunk) {
      chunks.push(chunk)
      size += chunk.length
      wakeUp()
      full = size >= WINDOW
      return full
    },
    end() {
      state = 'ended'
      wakeUp()
    },
    fail(cause) {
      if (state !== 'open') return
      state = 'failed'
      error = cause
      wakeUp()
    },
    async shift() {
      for (;;) {
        const chunk = chunks.shift()
        if (chunk !== undefined) {
          size -= chunk.length
          if (full && size <= WINDOW / 2) {
            full = false
            resume()
          }
          return chunk
        }
        if (state === 'ended') return undefined
        if (state === 'failed') throw error as Error
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    ended: () => state !== 'open' && chunks.length === 0,
  }
}

/**
 * The high-water mark of undici's sockets (16 KiB with TLS). When a chunk reaches it, undici waits for the socket's drain
 * before it pulls again, so the kernel has the chunk by then. A smaller one may still be in the socket's queue.
 */
const SOCKET_WINDOW = 64 * 1024

/**
 * The body of a request: a copy of each chunk that the socket may keep past our next pull, and an end to it when the other
 * side takes nothing for `stallMs`. Time that the source takes does not count.
 */
async function* watched(
  source: ByteSource,
  stallMs: number,
  abort: (error: Error) => void,
): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined
  try {
    for await (const chunk of source) {
      if (chunk.length === 0) continue
      timer = setTimeout(() => abort(new UploadStalled(stallMs)), stallMs)
      yield chunk.length < SOCKET_WINDOW ? Buffer.from(chunk) : chunk
      clearTimeout(timer)
    }
  } catch (error) {
    // Undici would hide it behind an error of its own.
    abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** The other side took no byte of a request's body for a while. */
export class UploadStalled extends Error {
  readonly code = 'UPLOAD_STALLED'

  constructor(ms: number) {
    super(`nothing could be sent for ${ms} ms`)
  }
}
