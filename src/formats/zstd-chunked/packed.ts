import { createHash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { Compressor } from '../codec/compressor.ts'
import { openCompressor } from '../codec/open.ts'
import { ZstdDecompressStream } from '../zstd/decompress.ts'

/** Bytes that are compressed as one frame: what is held besides the result. */
const FRAME_SIZE = 4 * 1024 * 1024

/** Something compressed that is put into a skippable frame as a whole. */
export interface Packed {
  pieces: Uint8Array[]
  /** Bytes of the pieces. */
  size: number
  uncompressedSize: number
  /** Of the compressed bytes. */
  digest: Digest
}

/** Compresses text that grows, into frames one behind the other, and holds them. */
export class Packer {
  readonly #compressor: Compressor
  readonly #hash = createHash('sha256')
  readonly #pieces: Uint8Array[] = []
  #size = 0
  #pending = 0
  #uncompressedSize = 0

  constructor(level: number) {
    this.#compressor = openCompressor({ format: 'zstd', level })
  }

  /** Compressed bytes so far. */
  get size(): number {
    return this.#size
  }

  add(bytes: Uint8Array): void {
    this.#compressor.write(bytes)
    this.#pending += bytes.length
    this.#uncompressedSize += bytes.length
    if (this.#pending >= FRAME_SIZE) this.#endFrame()
  }

  finish(): Packed {
    if (this.#pending > 0 || this.#pieces.length === 0) this.#endFrame()
    this.close()
    return {
      pieces: this.#pieces,
      size: this.#size,
      uncompressedSize: this.#uncompressedSize,
      digest: digestFrom(this.#hash),
    }
  }

  close(): void {
    this.#compressor.close()
  }

  #endFrame(): void {
    const frame = this.#compressor.finish().slice()
    this.#pieces.push(frame)
    this.#hash.update(frame)
    this.#size += frame.length
    this.#pending = 0
  }
}

/** Decompresses what a Packer, or another, made: `size` bytes have to come out. Throws FORMAT_INVALID and others. */
export function unpack(packed: Uint8Array, size: number, what: string): Uint8Array {
  const pieces: Uint8Array[] = []
  const decoder = new ZstdDecompressStream({ what, maxUncompressedSize: size })
  let produced = 0
  try {
    decoder.push(packed)
    decoder.end()
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      pieces.push(bytes.slice())
      produced += bytes.length
    }
  } finally {
    decoder.close()
  }
  if (produced === size) return Buffer.concat(pieces)
  throw new AccelError('FORMAT_INVALID', {
    what,
    format: 'zstd:chunked',
    offset: 0,
    problem: `${produced} bytes came out where the footer says ${size}`,
  })
}
