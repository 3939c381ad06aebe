import assert from 'node:assert/strict'
import type { Transform } from 'node:stream'

/** The native object behind a stream of node:zlib. Not documented; `self-test.ts` tells whether it is as described here. */
interface NativeHandle {
  onerror: (message: string, errno: number, code: string) => void
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void
  reset(): void
  close(): void
}

/** What the library said about the bytes: its own code (`Z_DATA_ERROR`, `ZSTD_error_…`) and words. */
export class CodecFault extends Error {
  override readonly name = 'CodecFault'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const NOTHING = new Uint8Array(0)

/**
 * Drives the native half of a node:zlib stream synchronously, from caller's buffer to caller's buffer: no copies,
 * no events, no thread pool. The stream itself must not be used.
 *
 * After an error nothing may be written before `reset()`: the process would abort. This class refuses it.
 */
export class ZlibHandle {
  readonly #handle: NativeHandle
  readonly #state: Uint32Array
  #fault: CodecFault | undefined = undefined
  #closed = false

  /** `stream`: a new stream of node:zlib, such as `createGunzip()`. */
  constructor(stream: Transform) {
    const inner = stream as unknown as { _handle: NativeHandle; _writeState: Uint32Array }
    assert(
      typeof inner._handle?.writeSync === 'function' && inner._writeState instanceof Uint32Array,
    )
    this.#handle = inner._handle
    this.#state = inner._writeState
    // Before the first write: without it an error aborts the process.
    this.#handle.onerror = (message, _errno, code) => {
      this.#fault = new CodecFault(code, message)
    }
  }

  /** Bytes of the last input that were not used. */
  get availIn(): number {
    return this.#state[1]!
  }

  /** Bytes of the last output that were not filled. */
  get availOut(): number {
    return this.#state[0]!
  }

  /** One call of the library. Throws CodecFault; then only `reset` and `close` may follow. */
  write(
    flush: number,
    input: Uint8Array | undefined,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void {
    assert(this.#fault === undefined && !this.#closed, 'write after an error or after close')
    this.#handle.writeSync(
      flush,
      input ?? NOTHING,
      inputOffset,
      inputLength,
      output,
      outputOffset,
      outputLength,
    )
    if (this.#fault !== undefined) throw this.#fault
  }

  /** Begins a new stream with the same parameters. Not for a zstd compressor: Node 24 forgets its level. */
  reset(): void {
    assert(!this.#closed)
    this.#fault = undefined
    this.#handle.reset()
  }

  /** Gives the native memory back now; else the garbage collector does. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handle.close()
  }
}
