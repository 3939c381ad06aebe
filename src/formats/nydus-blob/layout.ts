import { layout, type Of } from '../../bytes/layout.ts'
import { ascii, bytes, u32le, u64le, u8, zeros } from '../../bytes/scalar.ts'

/** Records of the Nydus blob. Source: nydus storage/src/meta/*.rs, rafs/src/metadata/layout/v5.rs (RafsV5ChunkInfo). */

/** One chunk with all that is known of it: in a RAFS v5 inode, and in the chunk table of a v6 bootstrap. */
export const ChunkRecord = layout('rafs_v5_chunk_info', 80, {
  digest: [0, bytes(32), 'digest of the uncompressed chunk'],
  blobIndex: [32, u32le, 'position of its blob in the blob table'],
  flags: [36, u32le, '1 compressed, 2 hole, 4 encrypted, 8 batch, 0x10 CRC valid'],
  compressedSize: [40, u32le, 'bytes as stored'],
  uncompressedSize: [44, u32le, 'bytes'],
  compressedOffset: [48, u64le, 'where it is stored in the blob'],
  uncompressedOffset: [56, u64le, 'where it is in the uncompressed blob'],
  fileOffset: [64, u64le, 'where it is in the file'],
  index: [72, u32le, 'position among the chunks of its blob'],
  crc32: [76, u32le, 'CRC-32C of the uncompressed chunk, or 0'],
})
export type ChunkRecord = Of<typeof ChunkRecord>

/** A chunk-table entry of the first form: two words of 64 bits of packed fields, here as their halves; see chunk-info.ts. */
export const ChunkInfoV1 = layout('blob_chunk_info_v1', 16, {
  uncompressedLow: [
    0,
    u32le,
    'offset in the uncompressed blob, low bits; bits 8 to 11: high of size - 1',
  ],
  uncompressedHigh: [4, u32le, 'low 12 bits: high of that offset; high 20: low of size - 1'],
  compressedLow: [8, u32le, 'offset as stored, low 32 bits'],
  compressedHigh: [12, u32le, 'high 8 bits of that; 4 high bits of size - 1; its low 20'],
})
export type ChunkInfoV1 = Of<typeof ChunkInfoV1>

/** A chunk-table entry of the second form: three words of 64 bits, here as their halves. */
export const ChunkInfoV2 = layout('blob_chunk_info_v2', 24, {
  block: [0, u32le, 'offset / 4096 in the uncompressed blob'],
  sizeAndFlags: [4, u32le, 'low 24 bits: size - 1; high 8: flags'],
  offsetLow: [8, u32le, 'offset as stored, low 32 bits'],
  offsetHighAndSize: [12, u32le, 'low 8 bits: high bits of that; high 24: size as stored'],
  dataLow: [16, u32le, 'CRC-32C, or offset in the zran context or batch'],
  dataHigh: [20, u32le, '0, or number of the zran context or batch'],
})
export type ChunkInfoV2 = Of<typeof ChunkInfoV2>

/** Where inflating can begin in a gzip layer. */
export const ZranContext = layout('zran_inflate_context', 40, {
  inOffset: [0, u64le, 'start in the compressed stream'],
  outOffset: [8, u64le, 'start in the uncompressed stream'],
  dictOffset: [16, u64le, 'start of its dictionary among the dictionaries'],
  inLength: [24, u32le, 'compressed bytes'],
  outLength: [28, u32le, 'uncompressed bytes'],
  dictLength: [32, u32le, 'bytes of dictionary, 0 to 32768'],
  previousByte: [36, u8, 'the byte before the start, of which bits are still to be used'],
  pendingBits: [37, u8, 'how many, 0 to 7'],
  reserved: [38, zeros(2), '0'],
})
export type ZranContext = Of<typeof ZranContext>

/** One batch of small chunks that are compressed together. */
export const BatchContext = layout('batch_inflate_context', 40, {
  compressedSize: [0, u32le, 'bytes as stored'],
  uncompressedSize: [4, u32le, 'bytes'],
  reserved: [8, zeros(32), '0'],
})
export type BatchContext = Of<typeof BatchContext>

export const CHUNK_TABLE_MAGIC = 0xb10b_b10b

/** What stands behind the stored chunk table. */
export const ChunkTableHeader = layout('blob_compression_context_header', 4096, {
  magic: [0, u32le, '0xB10BB10B'],
  features: [4, u32le, 'features of the blob, as in the layer'],
  ciCompressor: [8, u32le, 'how the table is stored: 0 none, 1 lz4_block, 2 gzip, 3 zstd'],
  ciEntries: [12, u32le, 'number of chunks'],
  ciOffset: [16, u64le, 'where the stored table begins in the file'],
  ciCompressedSize: [24, u64le, 'bytes as stored'],
  ciUncompressedSize: [32, u64le, 'bytes, contexts included'],
  ciContextOffset: [40, u64le, 'where the zran or batch contexts begin in the uncompressed table'],
  ciContextSize: [48, u64le, 'their bytes, dictionaries included'],
  ciContextCount: [56, u32le, 'how many'],
  reserved: [60, zeros(4032), '0'],
  magic2: [4092, u32le, '0xB10BB10B'],
})
export type ChunkTableHeader = Of<typeof ChunkTableHeader>

/** One entry of the blob's table of contents. */
export const TocEntry = layout('toc_entry', 128, {
  flags: [0, u32le, 'low bits: 1 none, 2 zstd, 4 lz4_block'],
  reserved: [4, zeros(4), '0'],
  name: [8, ascii(16), 'name of the section'],
  uncompressedDigest: [24, bytes(32), 'SHA-256 of the uncompressed content'],
  compressedOffset: [56, u64le, 'where the stored content begins in the blob'],
  compressedSize: [64, u64le, 'bytes as stored'],
  uncompressedSize: [72, u64le, 'bytes'],
  reserved2: [80, zeros(48), '0; old writers left garbage in the last 4 bytes'],
})
export type TocEntry = Of<typeof TocEntry>
