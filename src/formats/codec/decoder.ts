/** How a layer is compressed, by its bytes. */
export type Compression = 'none' | 'gzip' | 'zstd'

/**
 * Decompresses synchronously, in pieces of any size: `push` a piece, then call `next` until it returns undefined;
 * `end` after the last, then `next` until undefined again. The caller may stop between any two calls.
 *
 * Throws FORMAT_TRUNCATED, FORMAT_INVALID (offsets count compressed bytes) and FORMAT_LIMIT_EXCEEDED.
 */
export interface Decoder {
  readonly compression: Compression
  /** Compressed bytes used, and bytes made of them, so far. */
  readonly consumed: number
  readonly produced: number
  /** Gives the next piece, which must stay unchanged until `next` returned undefined. */
  push(bytes: Uint8Array): void
  /** Says that there are no more pieces. */
  end(): void
  /** Decompressed bytes, valid until the next call; undefined when another piece or `end()` is needed, and after all was given. */
  next(): Uint8Array | undefined
  /** Gives native memory back now, instead of when the object is collected. Nothing may be called after it. */
  close(): void
}

export interface DecoderInit {
  /** Names the bytes in messages: `harbor.example/app:1 layer 3 (sha256:…)`. */
  what: string
  /** Bytes of the output buffer. @default 1 MiB: with less, decoding is slower (1.5 times at 64 KiB). */
  bufferSize?: number
  /**
   * Most bytes that may come out.
   * @default 256 GiB: five times the largest layer that any of the large registries takes (ECR, 52 GB compressed).
   */
  maxUncompressedSize?: number
}

export const BUFFER_SIZE = 1024 * 1024
export const MAX_UNCOMPRESSED_SIZE = 256 * 1024 ** 3
