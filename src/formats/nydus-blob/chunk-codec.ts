import { gunzipSync } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'
import { openCompressor } from '../codec/open.ts'
import { ZstdDecompressStream } from '../zstd/decompress.ts'
import { ZstdPieces } from '../zstd/piece.ts'
import { decompressLz4, Lz4Compressor } from '../lz4/block.ts'
import type { Compressor } from './algorithm.ts'
import { MAX_CHUNK } from './chunk-info.ts'

/** Compresses one piece at a time: a chunk, or a chunk table. */
export interface PieceCompressor {
  readonly compressor: Compressor
  /**
   * The stored form of `bytes`: a view, valid until the next call, at the start of `room` where that saves a copy.
   * `undefined` where it would not be smaller; `room` may have been written to all the same.
   */
  compress(bytes: Uint8Array, room?: Uint8Array): Uint8Array | undefined
  /** Gives native memory back. */
  close(): void
}

/**
 * Opens a compressor for pieces. zstd: one frame a piece, level 3 unless said otherwise; lz4_block: a bare block;
 * `none` stores everything as it is. There is no gzip: readers take such blobs for legacy eStargz.
 */
export function openPieceCompressor(
  compressor: Exclude<Compressor, 'gzip'>,
  init: { level?: number } = {},
): PieceCompressor {
  switch (compressor) {
    case 'none':
      return { compressor, compress: () => undefined, close: () => undefined }
    case 'lz4_block': {
      const lz4 = new Lz4Compressor()
      return {
        compressor,
        compress: (bytes) => smaller(lz4.compress(bytes), bytes),
        close: () => undefined,
      }
    }
    case 'zstd': {
      const zstd = openCompressor({ format: 'zstd', ...init })
      return {
        compressor,
        compress: (bytes, room) => smaller(zstd.unit(bytes, room), bytes),
        close: () => zstd.close(),
      }
    }
  }
}

/** A piece counts as compressed only where it got strictly smaller: readers tell by the two sizes. */
function smaller(stored: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
  return stored.length < bytes.length ? stored : undefined
}

/**
 * The `size` bytes that `stored` holds. Throws FORMAT_INVALID where it is damaged or holds more or less; `what` names
 * it in the message.
 */
export function decompressPiece(
  stored: Uint8Array,
  compressor: Compressor,
  size: number,
  what: string,
): Uint8Array {
  const bytes = viewPiece(stored, compressor, size, what)
  return compressor === 'zstd' && size <= MAX_CHUNK ? bytes.slice() : bytes
}

/** As `decompressPiece`, but the bytes may be valid until the next call only. */
export function viewPiece(
  stored: Uint8Array,
  compressor: Compressor,
  size: number,
  what: string,
): Uint8Array {
  if (compressor === 'zstd' && size <= MAX_CHUNK) {
    const bytes = zstdPieces.decode(stored, size)
    if (bytes !== undefined) return bytes
  }
  if (compressor === 'lz4_block') return decompressLz4(stored, size, what)
  const invalid = (problem: string, cause?: unknown): AccelError =>
    new AccelError(
      'FORMAT_INVALID',
      { what, format: `${compressor} data`, offset: 0, problem },
      { cause },
    )
  let bytes: Uint8Array = stored
  try {
    if (compressor === 'zstd') bytes = unzstd(stored, size)
    // At least 1: node:zlib takes no smaller limit.
    else if (compressor === 'gzip') {
      bytes = gunzipSync(stored, { maxOutputLength: Math.max(1, size) })
    }
  } catch (cause) {
    throw invalid((cause as Error).message, cause)
  }
  if (bytes.length !== size) throw invalid(`${bytes.length} bytes where ${size} were expected`)
  return bytes
}

/** Making one takes as long as decompressing a small file, and an image has hundreds of thousands of those. */
const zstdPieces = new ZstdPieces()

/** What `stored` holds, as far as it has at most `size` bytes; says what is wrong with it where that is nothing. */
function unzstd(stored: Uint8Array, size: number): Uint8Array {
  const decoder = new ZstdDecompressStream({ what: 'a piece' })
  const bytes = new Uint8Array(size)
  let filled = 0
  const drain = (): void => {
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) {
      if (filled + out.length > size) throw new Error(`more than ${size} bytes come out of it`)
      bytes.set(out, filled)
      filled += out.length
    }
  }
  try {
    decoder.push(stored)
    drain()
    decoder.end()
    drain()
  } finally {
    decoder.close()
  }
  return bytes.subarray(0, filled)
}
