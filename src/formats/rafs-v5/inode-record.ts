import { alignUp } from '../../bytes/layout.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { isKnownType, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import type { Xattr } from '../nydus-tree/xattr-set.ts'
import { ALIGNMENT, InodeFlag, RafsV5Inode } from './layout.ts'
import type { RafsV5Tables } from './tables.ts'
import { decodeXattrs } from './xattr.ts'

/** An inode record with what follows it. */
export interface StoredInode {
  offset: number
  record: RafsV5Inode
  name: Uint8Array
  target: Uint8Array
  xattrs: Xattr[]
  chunksOffset: number
  /** Where the record and all that belongs to it ends; not checked to be in the file. */
  end: number
}

/**
 * Reads the inode at `index` (from 1) of the inode table. Throws FORMAT_TRUNCATED, and FORMAT_INVALID for what no inode
 * can be. Source: nydus rafs/src/metadata/direct_v5.rs (validate).
 */
export function readInodeRecord({ reader, superblock }: RafsV5Tables, index: number): StoredInode {
  const at = superblock.inodeTableOffset + (index - 1) * 4
  const offset = reader.u32(at, 'inode table') * ALIGNMENT
  const record = reader.record(RafsV5Inode, offset)
  if (record.ino === 0 || record.ino > superblock.inodeTableEntries) {
    throw reader.invalid(offset, `inode number ${record.ino}`)
  }
  if (record.nlink === 0) throw reader.invalid(offset, 'an inode without links')
  if (record.mode > 0xffff || !isKnownType(record.mode)) {
    throw reader.invalid(offset, `mode 0${record.mode.toString(8)}`)
  }
  if (record.nameSize === 0) throw reader.invalid(offset, 'an inode without name')
  if (isSymlink(record.mode) !== (record.flags & InodeFlag.symlink) > 0) {
    throw reader.invalid(offset, `flags ${record.flags} for mode 0${record.mode.toString(8)}`)
  }
  if ((record.flags & InodeFlag.hole) !== 0) throw reader.invalid(offset, 'a file with holes')
  const nameOffset = offset + RafsV5Inode.size
  const name = reader.slice(nameOffset, record.nameSize, 'file name')
  const targetOffset = nameOffset + alignUp(record.nameSize, ALIGNMENT)
  const target = reader.slice(targetOffset, record.symlinkSize, 'symlink target')
  const end = targetOffset + alignUp(record.symlinkSize, ALIGNMENT)
  const { xattrs, end: chunksOffset } =
    (record.flags & InodeFlag.xattr) === 0 ? { xattrs: [], end } : decodeXattrs(reader, end)
  const chunks = isRegular(record.mode) ? record.childCount * ChunkRecord.size : 0
  return { offset, record, name, target, xattrs, chunksOffset, end: chunksOffset + chunks }
}
