import {
  constants,
  createDeflateRaw,
  createGzip,
  createZstdCompress,
  deflateRawSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { frameBound } from './frame-bound.ts'
import { ZlibHandle } from './handle.ts'
import { OutputBuffer } from './output-buffer.ts'

/**
 * What a compressor makes, one after the other: raw deflate streams, gzip members (header of ten bytes without name
 * and time) or zstd frames (with their content size, without checksum).
 */
export type CompressorInit =
  | {
      format: 'deflate-raw' | 'gzip'
      /** 0 to 9. @default 6: 9 takes 3.8 times as long for 0.5 % of the size */
      level?: number
    }
  | {
      format: 'zstd'
      /** 1 to 22. @default 3 */
      level?: number
    }

/**
 * Compresses synchronously: pieces of one unit (stream, member or frame) with `write`, its end with `finish`, then
 * the next unit. The bytes do not depend on how a unit is cut into pieces, nor on units before it.
 */
export interface Compressor {
  /** Takes a piece, which may change after the call. */
  write(input: Uint8Array): void
  /** What is ready of the unit, so that a long one takes little memory; often nothing. Valid until the next call. */
  take(): Uint8Array
  /** Ends the unit; gives its bytes, those not taken before. Valid until the next call. */
  finish(): Uint8Array
  /**
   * A whole unit: what `write` and `finish` give. Saves copies where it can: of the input, and of the result, which then
   * lies at the start of `room` instead. Valid until the next call.
   */
  unit(input: Uint8Array, room?: Uint8Array): Uint8Array
  /** Gives native memory back now, instead of when the object is collected. */
  close(): void
}

export const DEFLATE_LEVEL = 6
export const ZSTD_LEVEL = 3
const CAPACITY = 64 * 1024
const NO_INPUT = new Uint8Array(0)
/** Smallest output buffer that node:zlib takes; the handle gets ours. */
const NO_CHUNK = 64

/** Deflate through the native handle, reset between units. */
export class NativeDeflate implements Compressor {
  readonly #handle: ZlibHandle
  readonly #output = new OutputBuffer(CAPACITY)
  #used = false

  constructor(format: 'deflate-raw' | 'gzip', level = DEFLATE_LEVEL) {
    const options = { level, chunkSize: NO_CHUNK }
    this.#handle = new ZlibHandle(
      format === 'gzip' ? createGzip(options) : createDeflateRaw(options),
    )
  }

  write(input: Uint8Array): void {
    this.#deflate(input, constants.Z_NO_FLUSH)
  }

  take(): Uint8Array {
    return this.#output.take()
  }

  finish(): Uint8Array {
    this.#deflate(NO_INPUT, constants.Z_FINISH)
    this.#used = true
    return this.#output.take()
  }

  unit(input: Uint8Array): Uint8Array {
    this.write(input)
    return this.finish()
  }

  close(): void {
    this.#handle.close()
  }

  #deflate(input: Uint8Array, flush: number): void {
    if (this.#used) this.#handle.reset()
    this.#used = false
    drive(this.#handle, this.#output, input, input.length, flush)
  }
}

/**
 * zstd through the native handle. A frame's pieces are collected and compressed in one call: only then is its
 * content size known and written, and are its bytes the same however it is cut. The handle is never reset, as
 * Node 24 then forgets the level; after ZSTD_e_end it is ready for the next frame.
 */
export class NativeZstd implements Compressor {
  readonly #handle: ZlibHandle
  readonly #input = new OutputBuffer(CAPACITY)
  readonly #output = new OutputBuffer(CAPACITY)

  constructor(level = ZSTD_LEVEL) {
    const params = { [constants.ZSTD_c_compressionLevel]: level }
    this.#handle = new ZlibHandle(createZstdCompress({ chunkSize: NO_CHUNK, params }))
  }

  write(input: Uint8Array): void {
    this.#input.append(input)
  }

  take(): Uint8Array {
    return NO_INPUT
  }

  finish(): Uint8Array {
    return this.unit(this.#input.take())
  }

  unit(input: Uint8Array, room?: Uint8Array): Uint8Array {
    const { length } = input
    const bound = frameBound(length)
    if (room !== undefined && room.length >= bound) {
      this.#handle.write(constants.ZSTD_e_end, input, 0, length, room, 0, room.length)
      return room.subarray(0, room.length - this.#handle.availOut)
    }
    this.#output.reserve(bound)
    drive(this.#handle, this.#output, input, length, constants.ZSTD_e_end)
    return this.#output.take()
  }

  close(): void {
    this.#handle.close()
  }
}

/** Calls the library until it has taken all input and has no output left to give. */
function drive(
  handle: ZlibHandle,
  output: OutputBuffer,
  input: Uint8Array,
  length: number,
  flush: number,
): void {
  let at = 0
  do {
    if (output.room === 0) output.reserve(CAPACITY)
    handle.write(flush, input, at, length - at, output.bytes, output.length, output.room)
    at = length - handle.availIn
    output.length = output.bytes.length - handle.availOut
  } while (output.room === 0)
}

/** By the public one-shot functions: the pieces of a unit are collected. */
export class OneShotCompressor implements Compressor {
  readonly #init: CompressorInit
  readonly #input = new OutputBuffer(CAPACITY)

  constructor(init: CompressorInit) {
    this.#init = init
  }

  write(input: Uint8Array): void {
    this.#input.append(input)
  }

  take(): Uint8Array {
    return NO_INPUT
  }

  finish(): Uint8Array {
    return this.unit(this.#input.take())
  }

  unit(input: Uint8Array): Uint8Array {
    switch (this.#init.format) {
      case 'deflate-raw':
        return deflateRawSync(input, { level: this.#init.level ?? DEFLATE_LEVEL })
      case 'gzip':
        return gzipSync(input, { level: this.#init.level ?? DEFLATE_LEVEL })
      case 'zstd': {
        const level = this.#init.level ?? ZSTD_LEVEL
        return zstdCompressSync(input, {
          chunkSize: frameBound(input.length),
          params: { [constants.ZSTD_c_compressionLevel]: level },
        })
      }
    }
  }

  close(): void {
    this.#input.length = 0
  }
}
