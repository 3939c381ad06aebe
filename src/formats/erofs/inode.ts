import type { RecordReader } from '../../bytes/record-reader.ts'
import { ErofsInodeCompact as Compact, ErofsInodeExtended as Extended } from './layout.ts'

/** An inode as read: both forms in one shape. */
export interface ErofsInode {
  nid: number
  /** Where it begins in the file. */
  offset: number
  extended: boolean
  /** FLAT_PLAIN, FLAT_INLINE or CHUNK_BASED. */
  dataLayout: number
  mode: number
  uid: number
  gid: number
  size: number
  mtime: number
  mtimeNsec: number
  nlink: number
  ino: number
  /** Block address, chunk format or device number. */
  union: number
  /** Bytes of attributes behind the inode. */
  xattrSize: number
  /** Where the attributes end: the inline tail or, aligned, the chunk indexes follow. */
  end: number
}

const extendedAt = {
  xattrCount: Extended.offsetOf('xattrCount'),
  mode: Extended.offsetOf('mode'),
  size: Extended.offsetOf('size'),
  union: Extended.offsetOf('union'),
  ino: Extended.offsetOf('ino'),
  uid: Extended.offsetOf('uid'),
  gid: Extended.offsetOf('gid'),
  mtime: Extended.offsetOf('mtime'),
  mtimeNsec: Extended.offsetOf('mtimeNsec'),
  nlink: Extended.offsetOf('nlink'),
} as const

const compactAt = {
  xattrCount: Compact.offsetOf('xattrCount'),
  mode: Compact.offsetOf('mode'),
  nlink: Compact.offsetOf('nlink'),
  size: Compact.offsetOf('size'),
  union: Compact.offsetOf('union'),
  ino: Compact.offsetOf('ino'),
  uid: Compact.offsetOf('uid'),
  gid: Compact.offsetOf('gid'),
} as const

/** Reads the inode of 64 bytes at `offset`. Its attributes are not looked at: `end` may lie behind the file. */
export function decodeExtended(
  reader: RecordReader,
  nid: number,
  offset: number,
  dataLayout: number,
): ErofsInode {
  reader.require(offset, Extended.size, Extended.name)
  const { view } = reader
  const xattrSize = xattrSizeOf(view.getUint16(offset + extendedAt.xattrCount, true))
  return {
    nid,
    offset,
    extended: true,
    dataLayout,
    mode: view.getUint16(offset + extendedAt.mode, true),
    uid: view.getUint32(offset + extendedAt.uid, true),
    gid: view.getUint32(offset + extendedAt.gid, true),
    size: reader.u64(offset + extendedAt.size, 'erofs_inode_extended.size'),
    mtime: reader.i64(offset + extendedAt.mtime, 'erofs_inode_extended.mtime'),
    mtimeNsec: view.getUint32(offset + extendedAt.mtimeNsec, true),
    nlink: view.getUint32(offset + extendedAt.nlink, true),
    ino: view.getUint32(offset + extendedAt.ino, true),
    union: view.getUint32(offset + extendedAt.union, true),
    xattrSize,
    end: offset + Extended.size + xattrSize,
  }
}

/** Reads the inode of 32 bytes at `offset`; its time is that of the superblock. */
export function decodeCompact(
  reader: RecordReader,
  nid: number,
  offset: number,
  dataLayout: number,
  time: { buildTime: number; buildTimeNsec: number },
): ErofsInode {
  reader.require(offset, Compact.size, Compact.name)
  const { view } = reader
  const xattrSize = xattrSizeOf(view.getUint16(offset + compactAt.xattrCount, true))
  return {
    nid,
    offset,
    extended: false,
    dataLayout,
    mode: view.getUint16(offset + compactAt.mode, true),
    uid: view.getUint16(offset + compactAt.uid, true),
    gid: view.getUint16(offset + compactAt.gid, true),
    size: view.getUint32(offset + compactAt.size, true),
    mtime: time.buildTime,
    mtimeNsec: time.buildTimeNsec,
    nlink: view.getUint16(offset + compactAt.nlink, true),
    ino: view.getUint32(offset + compactAt.ino, true),
    union: view.getUint32(offset + compactAt.union, true),
    xattrSize,
    end: offset + Compact.size + xattrSize,
  }
}

function xattrSizeOf(count: number): number {
  return count === 0 ? 0 : 12 + (count - 1) * 4
}
