import { AccelError } from '../../errors/accel-error.ts'
import type { CodecKind } from './codec-kind.ts'

/** How bytes are compressed. */
export type Compression = 'none' | 'gzip' | 'zstd'

/**
 * Decompresses synchronously, in pieces of any size: `push` a piece, then call `next` until it returns undefined;
 * `end` after the last, then `next` until undefined again. The caller may stop between any two calls.
 *
 * `next` throws FORMAT_TRUNCATED, FORMAT_INVALID or FORMAT_LIMIT_EXCEEDED, and throws it again when called again.
 * Offsets count compressed bytes; of damage that the library finds, the offset is where the call began that met it.
 */
export interface Decoder {
  /** What was found; undefined as long as too few bytes came to tell. */
  readonly compression: Compression | undefined
  /** Compressed bytes used so far. */
  readonly consumed: number
  /** Decompressed bytes given so far. */
  readonly produced: number
  /** Gives the next piece, at first or after `next` returned undefined. It must stay unchanged until `next` does so again. */
  push(bytes: Uint8Array): void
  /** Says that there are no more pieces. */
  end(): void
  /** Decompressed bytes, valid until the next call; undefined when another piece or `end()` is needed, and after the last. */
  next(): Uint8Array | undefined
  /** Gives native memory back now, instead of when the object is collected. Nothing may be called after it. */
  close(): void
}

export interface DecoderInit {
  /** Names the bytes in messages: `harbor.example/app:1 layer 3 (sha256:…)`. */
  what: string
  /** Bytes of the output buffer, which is reused. @default 256 KiB: from 32 KiB to 1 MiB speed is the same */
  bufferSize?: number
  /**
   * Most bytes that may come out.
   * @default 256 GiB: 25 times the largest layer that Docker Hub takes, 5 times that of ECR (both compressed)
   */
  maxUncompressedSize?: number
  /** How node:zlib is driven; for tests. @default what `codecKind` found */
  codec?: CodecKind
}

export const BUFFER_SIZE = 256 * 1024
export const MAX_UNCOMPRESSED_SIZE = 256 * 1024 ** 3

/**
 * Bytes out for one byte in, at most: what deflate reaches at best (258 bytes for 2 bits). zstd reaches 30,000 and
 * more with zeros, so it may exceed this until RATIO_FREE_SIZE bytes came out, and no longer.
 */
export const MAX_RATIO = 1032
/** A file of 8 GiB of zeros is strange and harmless; it takes seconds. */
export const RATIO_FREE_SIZE = 8 * 1024 ** 3

/** Holds what comes out to the size and the ratio. */
export class OutputLimit {
  readonly #what: string
  readonly #format: string
  readonly #max: number

  constructor(init: DecoderInit, format: string) {
    this.#what = init.what
    this.#format = format
    this.#max = init.maxUncompressedSize ?? MAX_UNCOMPRESSED_SIZE
  }

  /** Throws FORMAT_LIMIT_EXCEEDED where `consumed` bytes have become too many, before the last are given out. */
  check(produced: number, consumed: number): void {
    if (produced > this.#max) this.#exceeded('an uncompressed size', produced, this.#max)
    const allowed = Math.max(RATIO_FREE_SIZE, MAX_RATIO * consumed)
    if (produced > allowed) {
      this.#exceeded(`an uncompressed size, made of ${consumed} bytes,`, produced, allowed)
    }
  }

  #exceeded(limit: string, value: number, max: number): never {
    const context = { what: this.#what, format: this.#format, limit, value, max }
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', context)
  }
}
