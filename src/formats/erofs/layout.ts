import { layout, type Of } from '../../bytes/layout.ts'
import { ascii, bytes, i64le, u16le, u32le, u64le, u8, zeros } from '../../bytes/scalar.ts'

/**
 * The records of EROFS, as far as uncompressed images need them.
 * Source: Linux fs/erofs/erofs_fs.h; Documentation/filesystems/erofs.rst.
 */

/** Where the superblock begins. */
export const SUPERBLOCK_OFFSET = 1024
export const EROFS_MAGIC = 0xe0f5_e1e2
/** Inodes stand in slots of this many bytes, counted from `metaBlkaddr`: that count is the nid. */
export const SLOT_SIZE = 32

/** Incompatible features: a reader must know every bit that is set. */
export const FEATURE_INCOMPAT_CHUNKED_FILE = 0x4
export const FEATURE_INCOMPAT_DEVICE_TABLE = 0x8
/** Compressed images and what comes with them: known, not read here. */
export const FEATURE_INCOMPAT_COMPRESSION = 0x1 | 0x2 | 0x10 | 0x20

/** Data layouts of an inode: bits 1 to 3 of its format. */
export const FLAT_PLAIN = 0
export const FLAT_INLINE = 2
export const CHUNK_BASED = 4

/** Chunk format: entries are 8-byte indexes, not a bare block map. */
export const CHUNK_INDEXES = 0x20
export const CHUNK_BITS_MASK = 0x1f
/** Block address of a chunk that is a hole. */
export const NULL_BLKADDR = 0xffff_ffff

/** File types of a dirent, as in `include/linux/fs_types.h`. */
export const FT_REG_FILE = 1
export const FT_DIR = 2
export const FT_CHRDEV = 3
export const FT_BLKDEV = 4
export const FT_FIFO = 5
export const FT_SOCK = 6
export const FT_SYMLINK = 7

/** The superblock, 128 bytes at 1024. */
export const ErofsSuperblock = layout('erofs_super_block', 128, {
  magic: [0, u32le, '0xE0F5E1E2'],
  checksum: [4, u32le, 'CRC-32C of the block, if the feature bit says so; RAFS: 0'],
  featureCompat: [8, u32le, 'compatible features; RAFS v6: 0x40000000'],
  blkszbits: [12, u8, 'block size as a power of two: 12'],
  sbExtslots: [13, u8, 'extension slots of 16 bytes: 0'],
  rootNid: [14, u16le, 'nid of the root directory'],
  inos: [16, u64le, 'number of inodes; RAFS: of names'],
  buildTime: [24, i64le, 'time of compact inodes, seconds'],
  buildTimeNsec: [32, u32le, 'and nanoseconds'],
  blocks: [36, u32le, 'blocks, for statfs'],
  metaBlkaddr: [40, u32le, 'block from which nids count'],
  xattrBlkaddr: [44, u32le, 'block from which shared attributes count'],
  uuid: [48, bytes(16), 'of the volume; RAFS: 0'],
  volumeName: [64, bytes(16), 'RAFS: 0'],
  featureIncompat: [80, u32le, 'incompatible features; RAFS v6: 0xC'],
  compression: [84, u16le, 'compression algorithms; 0'],
  extraDevices: [86, u16le, 'number of device slots'],
  devtSlotoff: [88, u16le, 'where they begin, in slots of 128 bytes from byte 0'],
  dirblkbits: [90, u8, '0: directory blocks are blocks'],
  xattrPrefixCount: [91, u8, 'long attribute prefixes: 0'],
  xattrPrefixStart: [92, u32le, 'where they begin'],
  packedNid: [96, u64le, 'of the packed inode: 0'],
  reserved: [104, zeros(24), '0'],
})
export type ErofsSuperblock = Of<typeof ErofsSuperblock>

/** One extra device. */
export const ErofsDeviceSlot = layout('erofs_deviceslot', 128, {
  tag: [0, ascii(64), 'RAFS: hex id of the blob'],
  blocks: [64, u32le, 'blocks of the device'],
  mappedBlkaddr: [68, u32le, 'block at which it appears when all devices are one'],
  reserved: [72, zeros(56), '0'],
})
export type ErofsDeviceSlot = Of<typeof ErofsDeviceSlot>

/** The inode of 32 bytes: 16-bit owner and link count, 32-bit size, no time of its own. */
export const ErofsInodeCompact = layout('erofs_inode_compact', 32, {
  format: [0, u16le, 'bit 0: 0; bits 1 to 3: data layout'],
  xattrCount: [2, u16le, '0, or (bytes of attributes - 12) / 4 + 1'],
  mode: [4, u16le, 'type and permissions'],
  nlink: [6, u16le, 'number of links'],
  size: [8, u32le, 'bytes'],
  reserved: [12, zeros(4), '0'],
  union: [16, u32le, 'block address, chunk format or device number'],
  ino: [20, u32le, 'inode number for 32-bit callers'],
  uid: [24, u16le, 'owner'],
  gid: [26, u16le, 'group'],
  reserved2: [28, zeros(4), '0'],
})
export type ErofsInodeCompact = Of<typeof ErofsInodeCompact>

/** The inode of 64 bytes. */
export const ErofsInodeExtended = layout('erofs_inode_extended', 64, {
  format: [0, u16le, 'bit 0: 1; bits 1 to 3: data layout'],
  xattrCount: [2, u16le, '0, or (bytes of attributes - 12) / 4 + 1'],
  mode: [4, u16le, 'type and permissions'],
  reserved: [6, zeros(2), '0'],
  size: [8, u64le, 'bytes'],
  union: [16, u32le, 'block address, chunk format or device number'],
  ino: [20, u32le, 'inode number for 32-bit callers'],
  uid: [24, u32le, 'owner'],
  gid: [28, u32le, 'group'],
  mtime: [32, i64le, 'seconds'],
  mtimeNsec: [40, u32le, 'nanoseconds'],
  nlink: [44, u32le, 'number of links'],
  reserved2: [48, zeros(16), '0'],
})
export type ErofsInodeExtended = Of<typeof ErofsInodeExtended>

/** One name of a directory; the names themselves follow all dirents of the block. */
export const ErofsDirent = layout('erofs_dirent', 12, {
  nid: [0, u64le, 'inode'],
  nameoff: [8, u16le, 'where the name begins in this block'],
  fileType: [10, u8, '1 file, 2 directory, 3 character, 4 block, 5 FIFO, 6 socket, 7 symlink'],
  reserved: [11, zeros(1), '0'],
})
export type ErofsDirent = Of<typeof ErofsDirent>

/** What stands before the attributes of an inode. */
export const ErofsXattrHeader = layout('erofs_xattr_ibody_header', 12, {
  nameFilter: [0, u32le, 'bloom filter of names; 0: not used'],
  sharedCount: [4, u8, 'ids of shared attributes that follow, 4 bytes each'],
  reserved: [5, zeros(7), '0'],
})
export type ErofsXattrHeader = Of<typeof ErofsXattrHeader>

/** One attribute; name and value follow, then zeros up to a multiple of 4. */
export const ErofsXattrEntry = layout('erofs_xattr_entry', 4, {
  nameLen: [0, u8, 'bytes of the name without its prefix'],
  nameIndex: [1, u8, 'which prefix'],
  valueSize: [2, u16le, 'bytes of the value'],
})
export type ErofsXattrEntry = Of<typeof ErofsXattrEntry>

/** Where one chunk of a file is. RAFS packs the chunk index around the device: see rafs-v6. */
export const ErofsChunkIndex = layout('erofs_inode_chunk_index', 8, {
  advise: [0, u16le, '0; RAFS: chunk index, bits 0 to 15'],
  deviceId: [2, u16le, 'device, 0 the image itself; RAFS: high byte chunk index bits 16 to 23'],
  blkaddr: [4, u32le, 'block on that device'],
})
export type ErofsChunkIndex = Of<typeof ErofsChunkIndex>
