import type { RecordReader } from '../../bytes/record-reader.ts'
import { u64le } from '../../bytes/scalar.ts'
import { type Chunk, type ChunkStore, DIGEST_SIZE } from '../nydus-tree/chunk-store.ts'
import { ChunkRecord } from './layout.ts'

const DIGEST = ChunkRecord.offsetOf('digest')
const BLOB_INDEX = ChunkRecord.offsetOf('blobIndex')
const FLAGS = ChunkRecord.offsetOf('flags')
const COMPRESSED_SIZE = ChunkRecord.offsetOf('compressedSize')
const UNCOMPRESSED_SIZE = ChunkRecord.offsetOf('uncompressedSize')
const COMPRESSED_OFFSET = ChunkRecord.offsetOf('compressedOffset')
const UNCOMPRESSED_OFFSET = ChunkRecord.offsetOf('uncompressedOffset')
const FILE_OFFSET = ChunkRecord.offsetOf('fileOffset')
const INDEX = ChunkRecord.offsetOf('index')
const CRC32 = ChunkRecord.offsetOf('crc32')

/** Bytes in which a record is encoded, twice the same memory. */
export interface RecordTarget {
  bytes: Uint8Array
  view: DataView
}

/** Writes the record of the chunk `id` at `at`, without an object for it: images have as many as files. */
export function encodeChunkRecord(
  { bytes, view }: RecordTarget,
  at: number,
  chunks: ChunkStore,
  id: number,
  fileOffset: number,
): void {
  chunks.copyDigest(id, bytes, at + DIGEST)
  view.setUint32(at + BLOB_INDEX, chunks.blobIndexOf(id), true)
  view.setUint32(at + FLAGS, chunks.flagsOf(id), true)
  view.setUint32(at + COMPRESSED_SIZE, chunks.compressedSizeOf(id), true)
  view.setUint32(at + UNCOMPRESSED_SIZE, chunks.uncompressedSizeOf(id), true)
  u64le.set(view, at + COMPRESSED_OFFSET, chunks.compressedOffsetOf(id))
  u64le.set(view, at + UNCOMPRESSED_OFFSET, chunks.uncompressedOffsetOf(id))
  u64le.set(view, at + FILE_OFFSET, fileOffset)
  view.setUint32(at + INDEX, chunks.indexOf(id), true)
  view.setUint32(at + CRC32, chunks.crc32Of(id), true)
}

/** Reads the record at `at`; its digest is a view. Throws FORMAT_TRUNCATED, FORMAT_INVALID. */
export function decodeChunkRecord(reader: RecordReader, at: number): Chunk {
  reader.require(at, ChunkRecord.size, ChunkRecord.name)
  const { view } = reader
  return {
    digest: reader.slice(at + DIGEST, DIGEST_SIZE, 'digest of a chunk'),
    blobIndex: view.getUint32(at + BLOB_INDEX, true),
    index: view.getUint32(at + INDEX, true),
    flags: view.getUint32(at + FLAGS, true),
    compressedOffset: reader.u64(at + COMPRESSED_OFFSET, 'rafs_v5_chunk_info.compressedOffset'),
    compressedSize: view.getUint32(at + COMPRESSED_SIZE, true),
    uncompressedOffset: reader.u64(
      at + UNCOMPRESSED_OFFSET,
      'rafs_v5_chunk_info.uncompressedOffset',
    ),
    uncompressedSize: view.getUint32(at + UNCOMPRESSED_SIZE, true),
    crc32: view.getUint32(at + CRC32, true),
  }
}

/** Where in its file the chunk of the record at `at` begins. Throws FORMAT_TRUNCATED, FORMAT_INVALID. */
export function fileOffsetAt(reader: RecordReader, at: number): number {
  return reader.u64(at + FILE_OFFSET, 'rafs_v5_chunk_info.fileOffset')
}
