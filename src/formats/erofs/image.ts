import { RecordReader } from '../../bytes/record-reader.ts'
import { alignUp } from '../../bytes/layout.ts'
import { isDirectory, isKnownType } from '../nydus-tree/file-mode.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import type { Xattr } from '../nydus-tree/xattr-set.ts'
import { decodeDirectoryBlock, type DirectoryEntry } from './directory.ts'
import {
  CHUNK_BASED,
  CHUNK_BITS_MASK,
  CHUNK_INDEXES,
  EROFS_MAGIC,
  ErofsChunkIndex,
  ErofsDeviceSlot,
  ErofsSuperblock,
  FEATURE_INCOMPAT_CHUNKED_FILE,
  FEATURE_INCOMPAT_DEVICE_TABLE,
  FLAT_INLINE,
  FLAT_PLAIN,
  NULL_BLKADDR,
  SLOT_SIZE,
  SUPERBLOCK_OFFSET,
} from './layout.ts'
import { decodeCompact, decodeExtended, type ErofsInode } from './inode.ts'
import { decodeXattrs } from './xattr.ts'

/** Longest symlink target that a reader takes. Source: nydus rafs (RAFSV6_SYMLINK_MAX…), PATH_MAX of Linux. */
export const MAX_SYMLINK_SIZE = 4096

/** Devices of one image: their number has 16 bits, RAFS uses 8. */
const MAX_DEVICES = 0xffff

/**
 * An uncompressed EROFS image in memory, read with all that the kernel checks and bounds it leaves to memory faults.
 * Everything it returns points into the bytes. Throws FORMAT_TRUNCATED and FORMAT_INVALID.
 */
export class ErofsImage {
  readonly reader: RecordReader
  readonly superblock: ErofsSuperblock
  readonly blockSize: number
  readonly devices: readonly ErofsDeviceSlot[]

  /** `what` names the image and layer, `format` the format in messages. */
  constructor(bytes: Uint8Array, what: string, format = 'EROFS image') {
    this.reader = new RecordReader(bytes, formatFailure(what, format))
    const { reader } = this
    this.superblock = reader.record(ErofsSuperblock, SUPERBLOCK_OFFSET)
    const { magic, blkszbits, featureIncompat, dirblkbits } = this.superblock
    const invalid = (field: keyof typeof ErofsSuperblock.rows, problem: string): Error =>
      reader.invalid(SUPERBLOCK_OFFSET + ErofsSuperblock.offsetOf(field), problem)
    if (magic !== EROFS_MAGIC) throw invalid('magic', `magic ${magic.toString(16)}`)
    if (blkszbits < 9 || blkszbits > 16) throw invalid('blkszbits', `block size 2^${blkszbits}`)
    if (dirblkbits !== 0) throw invalid('dirblkbits', 'directory blocks that are not blocks')
    const known = FEATURE_INCOMPAT_CHUNKED_FILE | FEATURE_INCOMPAT_DEVICE_TABLE
    if ((featureIncompat & ~known) !== 0) {
      throw invalid(
        'featureIncompat',
        `features 0x${featureIncompat.toString(16)}, known are 0x${known.toString(16)}`,
      )
    }
    this.blockSize = 2 ** blkszbits
    this.devices = this.#readDevices()
  }

  /** The root directory. */
  root(): ErofsInode {
    return this.inode(this.superblock.rootNid)
  }

  /** The inode in slot `nid`. */
  inode(nid: number): ErofsInode {
    const { reader } = this
    const offset = this.superblock.metaBlkaddr * this.blockSize + nid * SLOT_SIZE
    const format = reader.u16(offset, 'inode')
    const dataLayout = (format >>> 1) & 7
    const known =
      dataLayout === FLAT_PLAIN || dataLayout === FLAT_INLINE || dataLayout === CHUNK_BASED
    if (format >= 16 || !known) {
      throw reader.invalid(offset, `inode format 0x${format.toString(16)}`)
    }
    const inode =
      (format & 1) === 1
        ? decodeExtended(reader, nid, offset, dataLayout)
        : decodeCompact(reader, nid, offset, dataLayout, this.superblock)
    if (!isKnownType(inode.mode)) throw reader.invalid(offset, `mode 0${inode.mode.toString(8)}`)
    if (inode.nlink === 0) throw reader.invalid(offset, 'an inode without links')
    reader.require(offset, inode.end - offset, 'inode and its attributes')
    if (isDirectory(inode.mode) && dataLayout === CHUNK_BASED) {
      throw reader.invalid(offset, 'a directory made of chunks')
    }
    return inode
  }

  /** The attributes of an inode, its own and the shared ones, sorted by name. */
  xattrs(inode: ErofsInode): Xattr[] {
    const shared = this.superblock.xattrBlkaddr * this.blockSize
    return decodeXattrs(this.reader, inode.end - inode.xattrSize, inode.xattrSize, shared)
  }

  /** The entries of a directory in stored order, `.` and `..` included where it has them. */
  *entries(directory: ErofsInode): Generator<DirectoryEntry> {
    let last: Uint8Array | undefined
    for (const { offset, length } of this.extents(directory)) {
      const entries = decodeDirectoryBlock(this.reader, offset, length, last)
      last = entries.at(-1)?.name
      yield* entries
    }
  }

  /** The target of a symlink, a view where it is in one piece. */
  symlinkTarget(symlink: ErofsInode): Uint8Array {
    if (
      symlink.size === 0 ||
      symlink.size > MAX_SYMLINK_SIZE ||
      symlink.dataLayout === CHUNK_BASED
    ) {
      throw this.reader.invalid(symlink.offset, `a symlink of ${symlink.size} bytes`)
    }
    return this.data(symlink)
  }

  /** The bytes of a file that is stored in the image itself, plain or inline. */
  data(inode: ErofsInode): Uint8Array {
    // The size is trusted only after every extent has been found to lie inside the image.
    const extents = [...this.extents(inode)]
    return Buffer.concat(extents.map((e) => this.reader.slice(e.offset, e.length, 'file data')))
  }

  /** Where the blocks of a plain or inline inode are in the image, a block at a time, the tail last. */
  *extents(inode: ErofsInode): Generator<{ offset: number; length: number }> {
    const { blockSize, reader } = this
    if (inode.dataLayout === CHUNK_BASED) throw reader.invalid(inode.offset, 'data is in chunks')
    const tail = inode.dataLayout === FLAT_INLINE ? inode.size % blockSize : 0
    const blocks = inode.size - tail
    const start = inode.union * blockSize
    if (blocks > 0) reader.require(start, blocks, `data of inode ${inode.nid}`)
    for (let at = 0; at < blocks; at += blockSize) {
      yield { offset: start + at, length: Math.min(blockSize, blocks - at) }
    }
    if (tail > 0) {
      if ((inode.end % blockSize) + tail > blockSize) {
        throw reader.invalid(inode.offset, 'an inline tail that crosses a block')
      }
      reader.require(inode.end, tail, `tail of inode ${inode.nid}`)
      yield { offset: inode.end, length: tail }
    }
  }

  /** Size of the chunks of a chunk-based file as EROFS counts them. */
  chunkSize(inode: ErofsInode): number {
    this.checkChunkFormat(inode)
    return this.blockSize * 2 ** (inode.union & CHUNK_BITS_MASK)
  }

  /** Refuses a chunk format that says what nobody knows. */
  checkChunkFormat(inode: ErofsInode): void {
    if (inode.union >= 0x40) {
      throw this.reader.invalid(inode.offset, `chunk format 0x${inode.union.toString(16)}`)
    }
  }

  /** The first `count` chunk indexes of a file; a bare block map is given the same form. */
  chunkIndexes(inode: ErofsInode, count: number): ErofsChunkIndex[] {
    const withIndexes = (inode.union & CHUNK_INDEXES) !== 0
    const unit = withIndexes ? ErofsChunkIndex.size : 4
    const start = alignUp(inode.end, unit)
    this.reader.require(start, count * unit, `chunk indexes of inode ${inode.nid}`)
    return Array.from({ length: count }, (_, i) => {
      const at = start + i * unit
      if (withIndexes) return this.reader.record(ErofsChunkIndex, at)
      return { advise: 0, deviceId: 0, blkaddr: this.reader.u32(at, 'block map') }
    })
  }

  /** Where the data of a chunk-based file is: device 0 is the image itself; holes are left out. */
  chunkExtents(
    inode: ErofsInode,
  ): { position: number; device: number; offset: number; length: number }[] {
    const size = this.chunkSize(inode)
    // A device id is masked to what the number of devices needs. Source: Linux fs/erofs/super.c (device_id_mask).
    const mask = 2 ** Math.ceil(Math.log2(this.devices.length + 1)) - 1
    return this.chunkIndexes(inode, Math.ceil(inode.size / size)).flatMap((index, i) => {
      if (index.blkaddr === NULL_BLKADDR) return []
      const position = i * size
      const offset = index.blkaddr * this.blockSize
      const length = Math.min(size, inode.size - position)
      return [{ position, device: index.deviceId & mask, offset, length }]
    })
  }

  #readDevices(): ErofsDeviceSlot[] {
    const { extraDevices, devtSlotoff, featureIncompat } = this.superblock
    if ((featureIncompat & FEATURE_INCOMPAT_DEVICE_TABLE) === 0) return []
    if (extraDevices > MAX_DEVICES) throw this.reader.invalid(SUPERBLOCK_OFFSET, 'too many devices')
    const start = devtSlotoff * ErofsDeviceSlot.size
    this.reader.require(start, extraDevices * ErofsDeviceSlot.size, 'device table')
    return Array.from({ length: extraDevices }, (_, i) =>
      this.reader.record(ErofsDeviceSlot, start + i * ErofsDeviceSlot.size),
    )
  }
}
