import type { Compressor } from './algorithm.ts'
import { openPieceCompressor, type PieceCompressor } from './chunk-codec.ts'

/** How pieces are stored. */
export interface PieceCodec {
  compressor: Exclude<Compressor, 'gzip'>
  /** Of zstd, 1 to 22. */
  level: number
}

/** Pieces of a blob's data to be compressed, each on its own. */
export interface PieceBatch {
  codec: PieceCodec
  /** Where each piece ends in the input; the first begins at 0. */
  ends: Uint32Array
}

/** What became of them. */
export interface CompressedPieces {
  /** Bytes of each as stored, one behind the other in the output: smaller than it was, or as it was. */
  sizes: Uint32Array
}

const compressors = new Map<string, PieceCompressor>()

function compressorFor({ compressor, level }: PieceCodec): PieceCompressor {
  const key = `${compressor} ${level}`
  const known = compressors.get(key)
  if (known !== undefined) return known
  const made = openPieceCompressor(compressor, { level })
  compressors.set(key, made)
  return made
}

/** What a batch thread does. The output has room for the input: what does not get smaller is copied. */
export function run(batch: PieceBatch, input: Uint8Array, output: Uint8Array): CompressedPieces {
  const codec = compressorFor(batch.codec)
  const sizes = new Uint32Array(batch.ends.length)
  let start = 0
  let at = 0
  for (const [i, end] of batch.ends.entries()) {
    const piece = input.subarray(start, end)
    const stored = codec.compress(piece) ?? piece
    output.set(stored, at)
    sizes[i] = stored.length
    at += stored.length
    start = end
  }
  return { sizes }
}
