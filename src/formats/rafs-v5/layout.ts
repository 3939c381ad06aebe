import { layout, type Of } from '../../bytes/layout.ts'
import { bytes, i64le, u16le, u32le, u64le, zeros } from '../../bytes/scalar.ts'

/** Records of RAFS v5, besides the chunk record of nydus-blob. Source: nydus rafs/src/metadata/layout/v5.rs. */

export const RAFS_V5_MAGIC = 0x5241_4653
export const RAFS_V5_VERSION = 0x500
export const RAFS_V5_SUPERBLOCK_SIZE = 8192
/** Everything begins at a multiple of this. */
export const ALIGNMENT = 8
/** Largest bootstrap. Source: nydus rafs/src/metadata/direct_v5.rs. */
export const MAX_BOOTSTRAP_SIZE = 2 ** 31
export const MIN_CHUNK_SIZE = 0x1000
export const MAX_CHUNK_SIZE = 0x100_0000

/** Flags of an inode. Source: nydus rafs/src/metadata/inode.rs (RafsInodeFlags). */
export const InodeFlag = { symlink: 1, hardlink: 2, xattr: 4, hole: 8 } as const

/** The superblock, 8192 bytes at 0. */
export const RafsV5Superblock = layout('rafs_v5_super_block', 8192, {
  magic: [0, u32le, '0x52414653'],
  version: [4, u32le, '0x500'],
  size: [8, u32le, '8192'],
  chunkSize: [12, u32le, 'power of two from 4 KiB to 16 MiB'],
  flagsLow: [16, u32le, 'RafsSuperFlags: how chunks are stored and named, owners, attributes'],
  flagsHigh: [20, u32le, '0'],
  inodesCount: [24, u64le, 'number of inodes, hard links counted once'],
  inodeTableOffset: [32, u64le, '8192'],
  prefetchTableOffset: [40, u64le, 'also without entries'],
  blobTableOffset: [48, u64le, 'where the blob ids are'],
  inodeTableEntries: [56, u32le, 'number of names'],
  prefetchTableEntries: [60, u32le, 'number of inodes to prefetch'],
  blobTableSize: [64, u32le, 'bytes, padding included'],
  extendedBlobTableEntries: [68, u32le, 'number of blobs'],
  extendedBlobTableOffset: [72, u64le, 'where what is known of them is'],
  reserved: [80, zeros(8112), '0'],
})
export type RafsV5Superblock = Of<typeof RafsV5Superblock>

/** What is known of a blob besides its id. */
export const RafsV5ExtendedBlob = layout('rafs_v5_ext_blob_entry', 64, {
  chunkCount: [0, u32le, 'number of chunks'],
  features: [4, u32le, 'see BlobFeature'],
  uncompressedSize: [8, u64le, 'bytes'],
  compressedSize: [16, u64le, 'bytes of data, and 512 where it has a tar header'],
  reserved: [24, zeros(40), '0'],
})
export type RafsV5ExtendedBlob = Of<typeof RafsV5ExtendedBlob>

/** An inode; its name, symlink target, attributes and chunk records follow. */
export const RafsV5Inode = layout('rafs_v5_inode', 128, {
  digest: [0, bytes(32), 'of the content: see inode-digest.ts'],
  parent: [32, u64le, 'inode number of the directory; root: 0'],
  ino: [40, u64le, 'inode number, for hard links that of the first'],
  uid: [48, u32le, 'owner'],
  gid: [52, u32le, 'group'],
  projid: [56, u32le, '0'],
  mode: [60, u32le, 'type and permissions'],
  size: [64, u64le, 'bytes; of a directory a made-up size'],
  blocks: [72, u64le, 'of 512 bytes, attributes included'],
  flags: [80, u64le, '1 symlink, 2 hard link, 4 attributes, 8 holes'],
  nlink: [88, u32le, 'number of links'],
  childIndex: [92, u32le, 'directory: number of the first child'],
  childCount: [96, u32le, 'directory: children; file: chunks'],
  nameSize: [100, u16le, 'bytes of the name; the root is called /'],
  symlinkSize: [102, u16le, 'bytes of the target'],
  rdev: [104, u32le, 'device number'],
  mtimeNsec: [108, u32le, 'nanoseconds'],
  mtime: [112, i64le, 'seconds'],
  reserved: [120, zeros(8), '0'],
})
export type RafsV5Inode = Of<typeof RafsV5Inode>

/** A blob as both tables describe it. */
export interface RafsV5Blob extends RafsV5ExtendedBlob {
  /** Hex SHA-256 of the blob. */
  blobId: string
  /** What of the blob to read ahead; 0 unless the blob was made for it. */
  prefetchOffset: number
  prefetchSize: number
}
