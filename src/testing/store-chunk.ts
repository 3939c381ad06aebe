import type { PieceCompressor } from '../formats/nydus-blob/chunk-codec.ts'
import type { ChunkWriter } from '../formats/nydus-blob/chunk-writer.ts'

/**
 * Places a chunk and stores it at once, as ChunkStream does with threads. `stored` is to be appended to the blob, valid
 * until the next call; undefined where an equal chunk is stored.
 */
export function storeChunk(
  writer: ChunkWriter,
  compressor: PieceCompressor,
  bytes: Uint8Array,
): { id: number; stored: Uint8Array | undefined } {
  const { id, fresh } = writer.place(bytes)
  if (!fresh) return { id, stored: undefined }
  const stored = compressor.compress(bytes) ?? bytes
  const sizes = { size: stored.length, uncompressedSize: bytes.length }
  writer.stored({ ids: [id], batched: false, ...sizes })
  return { id, stored }
}
