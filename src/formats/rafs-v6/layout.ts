import { layout, type Of } from '../../bytes/layout.ts'
import { ascii, bytes, u32le, u64le, zeros } from '../../bytes/scalar.ts'

/**
 * What RAFS v6 adds to EROFS. Source: nydus rafs/src/metadata/layout/v6.rs.
 */

export const BLOCK_SIZE = 4096
/** Compatible feature that makes an EROFS image a RAFS v6 bootstrap. */
export const FEATURE_COMPAT_RAFS_V6 = 0x4000_0000
/** Exactly these incompatible features, also where there is no device: chunked files and device table. */
export const FEATURE_INCOMPAT_RAFS_V6 = 0xc
export const EXTENDED_SUPERBLOCK_OFFSET = 1024 + 128
export const DEVICE_TABLE_OFFSET = 1408
/** Mapped addresses of devices are multiples of this many bytes. */
export const DEVICE_ALIGNMENT = 0x8_0000
/** Smallest bootstrap: nydusd first reads so much to tell v5 from v6. */
export const MIN_BOOTSTRAP_SIZE = 8192
export const MIN_CHUNK_SIZE = 0x1000
export const MAX_CHUNK_SIZE = 0x100_0000
/** Largest blob, as stored and uncompressed. Source: nydus storage/src/device.rs. */
export const MAX_COMPRESSED_BLOB = 2 ** 40
export const MAX_UNCOMPRESSED_BLOB = 2 ** 44

/** The superblock extension, 256 bytes at 1152. */
export const RafsV6SuperblockExt = layout('rafs_v6_super_block_ext', 256, {
  flagsLow: [0, u32le, 'RafsSuperFlags: how chunks are stored and named, owners, attributes'],
  flagsHigh: [4, u32le, '0'],
  blobTableOffset: [8, u64le, 'multiple of 4096'],
  blobTableSize: [16, u32le, 'bytes: 256 a blob'],
  chunkSize: [20, u32le, 'power of two from 4 KiB to 16 MiB'],
  chunkTableOffset: [24, u64le, 'multiple of 4096'],
  chunkTableSize: [32, u64le, 'bytes: 80 a chunk'],
  prefetchTableOffset: [40, u64le, '0 without table'],
  prefetchTableSize: [48, u32le, 'bytes: 4 an entry'],
  reserved: [52, zeros(204), '0'],
})
export type RafsV6SuperblockExt = Of<typeof RafsV6SuperblockExt>

/** One entry of the blob table. */
export const RafsV6Blob = layout('rafs_v6_blob', 256, {
  blobId: [0, ascii(64), 'hex SHA-256 of the blob; 64 times x in a bootstrap inside its blob'],
  blobIndex: [64, u32le, 'position in the table'],
  chunkSize: [68, u32le, "the superblock's"],
  chunkCount: [72, u32le, 'more than 0, at most 2^24'],
  compressor: [76, u32le, '0 none, 1 lz4_block, 2 gzip, 3 zstd'],
  digester: [80, u32le, '0 BLAKE3, 1 SHA-256'],
  features: [84, u32le, 'see BlobFeature'],
  compressedSize: [88, u64le, 'bytes before the inline bootstrap; zran: size of the layer'],
  uncompressedSize: [96, u64le, 'sum of chunk sizes, each rounded up to 4096'],
  blobTocSize: [104, u32le, '0, or 128 an entry + 512'],
  ciCompressor: [108, u32le, 'how the chunk table is stored'],
  ciOffset: [112, u64le, 'where it is in the blob'],
  ciCompressedSize: [120, u64le, 'bytes as stored, without header'],
  ciUncompressedSize: [128, u64le, 'bytes'],
  blobTocDigest: [136, bytes(32), 'SHA-256 of ToC and its tar header, or 0'],
  blobMetaDigest: [168, bytes(32), 'zran: SHA-256 of the nydus blob; encrypted: the key'],
  blobMetaSize: [200, bytes(8), 'zran: size of the nydus blob; encrypted: IV, first half'],
  cipherIv: [208, bytes(8), 'encrypted: IV, second half'],
  cipher: [216, u32le, '0 none, 1 AES-128-XTS'],
  reserved: [220, zeros(36), '0'],
})
export type RafsV6Blob = Of<typeof RafsV6Blob>
