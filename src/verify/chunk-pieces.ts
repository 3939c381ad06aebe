/** What a batch thread does to check chunks of a Nydus blob. */
import { isAccelError } from '../errors/accel-error.ts'
import type { Compressor, Digester } from '../formats/nydus-blob/algorithm.ts'
import { viewPiece } from '../formats/nydus-blob/chunk-codec.ts'
import { digestFunction } from '../formats/nydus-blob/chunk-digest.ts'
import { DIGEST_SIZE } from '../formats/nydus-tree/chunk-store.ts'

/** Stored pieces, one behind the other in the input, each of one chunk or, where they are compressed together, several. */
export interface ChunkPieces {
  compressor: Compressor
  digester: Digester
  /** For each piece: bytes as stored, bytes uncompressed, whether it is compressed (1), and how many chunks it has. */
  pieces: Uint32Array
  /** For each chunk, in order of the pieces: where it begins in its piece, uncompressed, and its bytes. */
  chunks: Uint32Array
  /** Of the chunks, DIGEST_SIZE bytes each. */
  digests: Uint8Array
}

/** Values of a piece in `pieces`, and of a chunk in `chunks`. */
export const PIECE_VALUES = 4
export const CHUNK_VALUES = 2

/** Whether every piece can be decompressed, and every chunk has its digest. */
export function run(batch: ChunkPieces, input: Uint8Array): boolean {
  const { compressor, pieces, chunks, digests } = batch
  const digest = digestFunction(batch.digester)
  let at = 0
  let chunk = 0
  for (let i = 0; i < pieces.length; i += PIECE_VALUES) {
    const [stored, size, compressed, count] = pieces.subarray(i, i + PIECE_VALUES)
    const codec = compressed === 1 ? compressor : 'none'
    const bytes = decompressed(input.subarray(at, at + stored!), codec, size!)
    if (bytes === undefined) return false
    at += stored!
    for (const end = chunk + count!; chunk < end; chunk++) {
      const start = chunks[chunk * CHUNK_VALUES]!
      const stop = start + chunks[chunk * CHUNK_VALUES + 1]!
      if (stop > bytes.length) return false
      const got = digest(start === 0 && stop === bytes.length ? bytes : bytes.subarray(start, stop))
      if (!isAt(digests, chunk * DIGEST_SIZE, got)) return false
    }
  }
  return true
}

function decompressed(stored: Uint8Array, codec: Compressor, size: number): Uint8Array | undefined {
  try {
    return viewPiece(stored, codec, size, 'a piece')
  } catch (error) {
    if (isAccelError(error)) return undefined
    throw error
  }
}

function isAt(digests: Uint8Array, at: number, digest: Uint8Array): boolean {
  for (let i = 0; i < DIGEST_SIZE; i++) if (digests[at + i] !== digest[i]) return false
  return true
}
