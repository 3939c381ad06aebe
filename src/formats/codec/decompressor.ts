import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { CodecFault, ZlibHandle } from './handle.ts'

/** What is decompressed. `gzip`: members one after the other; `zstd`: frames, skippable ones too. */
export type Algorithm = 'gzip' | 'zstd'

/**
 * Decompresses synchronously, as far as one call goes. After a CodecFault only `close` may follow.
 * The properties speak of the last call.
 */
export interface Decompressor {
  /**
   * Decodes from bytes `start` to `end` of `input`; gives a view, perhaps empty, valid until the next call.
   * `last`: there is no input beyond `end`; throws CodecFault `Z_BUF_ERROR` where more was needed. `into`: where the bytes
   * go, as far as there is room, instead of a buffer that is used again.
   */
  decode(
    input: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    into?: Uint8Array,
  ): Uint8Array
  /** Input bytes used. */
  readonly used: number
  /** More may come out without more input. */
  readonly more: boolean
  /** It could have gone on and did not: the member or frame is over, and what follows is another thing. */
  readonly stopped: boolean
  /** Begins anew, with what is no continuation of the input before. */
  reset(): void
  /** Gives native memory back now, instead of when the object is collected. */
  close(): void
}

/** log2 of the largest zstd window, and so of the memory it takes: what `zstd -d` accepts without `--long`. */
export const ZSTD_WINDOW_LOG = 27

/** The stream of node:zlib for `algorithm`, with output pieces of `chunkSize` bytes where it makes them itself. */
export function zlibStream(algorithm: Algorithm, chunkSize: number) {
  return algorithm === 'gzip'
    ? createGunzip({ chunkSize })
    : createZstdDecompress({
        chunkSize,
        params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
      })
}

/** The flush flag that says "there is no more input". */
export function lastFlag(algorithm: Algorithm): number {
  return algorithm === 'gzip' ? constants.Z_FINISH : constants.ZSTD_e_end
}

/** The flush flag of ordinary input. */
export function flowFlag(algorithm: Algorithm): number {
  return algorithm === 'gzip' ? constants.Z_NO_FLUSH : constants.ZSTD_e_continue
}

/** Smallest output buffer that node:zlib takes; the handle gets ours. */
const NO_CHUNK = 64

/** Through the native handle, into one buffer that is reused. */
export class NativeDecompressor implements Decompressor {
  used = 0
  more = false
  stopped = false
  readonly #handle: ZlibHandle
  readonly #output: Uint8Array
  readonly #flow: number
  readonly #last: number

  constructor(algorithm: Algorithm, bufferSize: number) {
    this.#handle = new ZlibHandle(zlibStream(algorithm, NO_CHUNK))
    this.#output = new Uint8Array(bufferSize)
    this.#flow = flowFlag(algorithm)
    this.#last = lastFlag(algorithm)
  }

  decode(
    input: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    into: Uint8Array = this.#output,
  ): Uint8Array {
    const size = into.length
    const flush = last ? this.#last : this.#flow
    this.#handle.write(flush, input, start, end - start, into, 0, size)
    const { availIn, availOut } = this.#handle
    this.used = end - start - availIn
    this.more = availOut === 0
    this.stopped = availIn > 0 && availOut > 0
    return into.subarray(0, size - availOut)
  }

  reset(): void {
    this.#handle.reset()
  }

  close(): void {
    this.#handle.close()
  }
}

/** What a stream of node:zlib is beneath its types, as npm's own tar (minizlib) uses it. */
interface Processing {
  _handle: { close: () => void }
  _processChunk(chunk: Uint8Array, flush: number): Uint8Array
  bytesWritten: number
  removeAllListeners(event: 'error'): unknown
  on(event: 'error', listener: () => void): unknown
  close(): void
}

/** Input bytes a call: of gzip at most 8 MiB come out of so many, of zstd, where one block is a call, 128 KiB. */
const SLICE = 8 * 1024

/**
 * Without our own use of the handle's fields: by `_processChunk`, which Node keeps for minizlib. It ends a stream
 * after one chunk unless closing is made to do nothing meanwhile. Slower by a third, same behaviour.
 */
export class ChunkDecompressor implements Decompressor {
  used = 0
  readonly more = false
  stopped = false
  #stream: Processing
  #handle: { close: () => void }
  readonly #open: () => Processing
  readonly #flow: number
  readonly #last: number

  constructor(algorithm: Algorithm, bufferSize: number) {
    this.#open = () => zlibStream(algorithm, bufferSize) as unknown as Processing
    this.#stream = this.#open()
    this.#handle = this.#stream._handle
    this.#flow = flowFlag(algorithm)
    this.#last = lastFlag(algorithm)
  }

  decode(
    input: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    into?: Uint8Array,
  ): Uint8Array {
    const sliceEnd = Math.min(end, start + SLICE)
    const flush = last && sliceEnd === end ? this.#last : this.#flow
    const close = this.#handle.close
    this.#handle.close = () => {}
    try {
      const output = this.#stream._processChunk(input.subarray(start, sliceEnd), flush)
      this.used = this.#stream.bytesWritten
      this.stopped = this.used < sliceEnd - start
      if (into === undefined) return output
      if (output.length > into.length) throw new CodecFault('Z_BUF_ERROR', 'no room for it')
      into.set(output)
      return into.subarray(0, output.length)
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      throw new CodecFault(code ?? 'Z_DATA_ERROR', message)
    } finally {
      this.#handle.close = close
      this.#stream._handle = this.#handle
      // Each call adds a listener; without any, the error of a failed one would end the process.
      this.#stream.removeAllListeners('error')
      this.#stream.on('error', () => {})
    }
  }

  reset(): void {
    this.#stream.close()
    this.#stream = this.#open()
    this.#handle = this.#stream._handle
  }

  close(): void {
    this.#stream.close()
  }
}
