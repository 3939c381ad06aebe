import type { Compressor } from './algorithm.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { openPieceCompressor, type PieceCompressor } from './chunk-codec.ts'
import { type BlobCipher, encryptedSize, encryptPiece, looksPadded } from './cipher.ts'

/** How pieces are stored. */
export interface PieceCodec {
  compressor: Exclude<Compressor, 'gzip'>
  /** Of zstd, 1 to 22. */
  level: number
}

/** Pieces of a blob's data to be compressed, each on its own. */
export interface PieceBatch {
  codec: PieceCodec
  /** Pieces are encrypted once they are compressed. */
  cipher?: BlobCipher
  /** Where each piece ends in the input; the first begins at 0. */
  ends: Uint32Array
}

/** What became of them. */
export interface CompressedPieces {
  /** Bytes of each as stored, one behind the other in the output. Compressed is what has not the size of `storedSize`. */
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

/** Bytes that a piece of `size` bytes has where it is stored without compression. */
export function storedSize(size: number, encrypted: boolean): number {
  return encrypted ? encryptedSize(size) : size
}

/** What a batch thread does. The output has room for the input, and MAX_PIECE_GROWTH for each piece that is encrypted. */
export function run(batch: PieceBatch, input: Uint8Array, output: Uint8Array): CompressedPieces {
  const codec = compressorFor(batch.codec)
  const sizes = new Uint32Array(batch.ends.length)
  let start = 0
  let at = 0
  for (const [i, end] of batch.ends.entries()) {
    const piece = input.subarray(start, end)
    const room = output.subarray(at)
    const stored = storedForm(codec, piece, room, batch.cipher)
    if (stored.byteOffset !== room.byteOffset || stored.buffer !== room.buffer) room.set(stored)
    sizes[i] = stored.length
    at += stored.length
    start = end
  }
  return { sizes }
}

/** What does not get smaller is stored as it is. The result may lie at the start of `room`. */
function storedForm(
  codec: PieceCompressor,
  piece: Uint8Array,
  room: Uint8Array,
  cipher: BlobCipher | undefined,
): Uint8Array {
  const compressed = codec.compress(piece, room)
  if (cipher === undefined) return compressed ?? piece
  if (compressed !== undefined && !looksPadded(compressed)) {
    const stored = encryptPiece(compressed, cipher)
    // Padding can undo what compression won.
    if (stored.length < encryptedSize(piece.length)) return stored
  }
  return encryptPiece(looksPadded(piece) ? longerForm(codec, piece) : piece, cipher)
}

/** What stands before 18 bytes in a zstd frame that holds them as they are: one raw block, the last. Source: RFC 8878, section 3.1.1. */
const ZSTD_RAW_18 = Buffer.from('28b52ffd2012910000', 'hex')
/** The same in an LZ4 block: 18 literals and no match. Source: lz4 doc/lz4_Block_format.md. */
const LZ4_RAW_18 = Buffer.from('f003', 'hex')

/**
 * A form of 18 bytes that says it is compressed and is longer, for those that cannot be stored as they are because readers
 * would cut them.
 */
function longerForm({ compressor }: PieceCompressor, piece: Uint8Array): Uint8Array {
  if (compressor === 'zstd') return Buffer.concat([ZSTD_RAW_18, piece])
  if (compressor === 'lz4_block') return Buffer.concat([LZ4_RAW_18, piece])
  throw new AccelError('DRIVER_OPTION_INVALID', {
    driver: 'nydus',
    key: 'encrypt_recipients',
    problem:
      'the image has a chunk of 18 bytes that ends in 0x78 0x90, which nydusd takes for padding; set compressor to zstd or lz4_block',
  })
}
