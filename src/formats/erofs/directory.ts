import { viewOf } from '../../bytes/layout.ts'
import type { RecordReader } from '../../bytes/record-reader.ts'
import { u64le } from '../../bytes/scalar.ts'
import { compareBytes } from '../nydus-tree/name-order.ts'
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../nydus-tree/file-mode.ts'
import {
  ErofsDirent,
  FT_BLKDEV,
  FT_CHRDEV,
  FT_DIR,
  FT_FIFO,
  FT_REG_FILE,
  FT_SOCK,
  FT_SYMLINK,
} from './layout.ts'

/** One name of a directory, `.` and `..` included. */
export interface DirectoryEntry {
  name: Uint8Array
  nid: number
  /** File type of a dirent: FT_REG_FILE and its kind. */
  fileType: number
}

/** By the type bits of a mode, which are its highest four. */
const FILE_TYPES = new Uint8Array(16)
FILE_TYPES[S_IFREG >>> 12] = FT_REG_FILE
FILE_TYPES[S_IFDIR >>> 12] = FT_DIR
FILE_TYPES[S_IFCHR >>> 12] = FT_CHRDEV
FILE_TYPES[S_IFBLK >>> 12] = FT_BLKDEV
FILE_TYPES[S_IFIFO >>> 12] = FT_FIFO
FILE_TYPES[S_IFSOCK >>> 12] = FT_SOCK
FILE_TYPES[S_IFLNK >>> 12] = FT_SYMLINK

/** The file type of a dirent for a mode; 0 for a type that no file has. */
export function fileTypeOf(mode: number): number {
  return FILE_TYPES[(mode & S_IFMT) >>> 12] as number
}

/** The entries of a directory that is to be written, by their number in stored order: sorted by name bytes. */
export interface DirectorySource {
  readonly count: number
  nameSizeOf(entry: number): number
  /** Copies the name to `target` from `at` on. */
  copyName(entry: number, target: Uint8Array, at: number): void
  nidOf(entry: number): number
  fileTypeOf(entry: number): number
}

/**
 * Bytes of a directory: an entry takes 12 and its name, no entry crosses a block, and all blocks but the last count
 * whole. Source: nydus builder/src/core/v6.rs (v6_dirent_size).
 */
export function directorySize(source: DirectorySource, blockSize: number): number {
  let size = 0
  for (let entry = 0; entry < source.count; entry++) {
    const length = ErofsDirent.size + source.nameSizeOf(entry)
    const used = size % blockSize
    if (used + length > blockSize) size += blockSize - used
    size += length
  }
  return size
}

const NID = ErofsDirent.offsetOf('nid')
const NAMEOFF = ErofsDirent.offsetOf('nameoff')
const FILE_TYPE = ErofsDirent.offsetOf('fileType')

/** Writes a directory to `out`, zeros as many as `directorySize` says. */
export function encodeDirectory(source: DirectorySource, blockSize: number, out: Uint8Array): void {
  const view = viewOf(out)
  let block = 0
  for (let first = 0; first < source.count; block += blockSize) {
    let used = 0
    let last = first
    for (; last < source.count; last++) {
      const length = ErofsDirent.size + source.nameSizeOf(last)
      if (used + length > blockSize) break
      used += length
    }
    let dirent = block
    let nameoff = (last - first) * ErofsDirent.size
    for (let entry = first; entry < last; entry++, dirent += ErofsDirent.size) {
      u64le.set(view, dirent + NID, source.nidOf(entry))
      view.setUint16(dirent + NAMEOFF, nameoff, true)
      view.setUint8(dirent + FILE_TYPE, source.fileTypeOf(entry))
      source.copyName(entry, out, block + nameoff)
      nameoff += source.nameSizeOf(entry)
    }
    first = last
  }
}

/**
 * Reads the entries of one directory block (or of the tail of a directory) that `reader` holds at `offset`, checking
 * that names are not empty, in order, and end before the block does; `after` is the last name of the block before.
 */
export function decodeDirectoryBlock(
  reader: RecordReader,
  offset: number,
  length: number,
  after: Uint8Array | undefined,
): DirectoryEntry[] {
  const { view } = reader
  reader.require(offset, ErofsDirent.size, ErofsDirent.name)
  const names = view.getUint16(offset + NAMEOFF, true)
  const count = names / ErofsDirent.size
  if (!Number.isInteger(count) || count === 0 || names > length) {
    throw reader.invalid(offset, `the first name of a directory block is at ${names}`)
  }
  reader.require(offset, names, ErofsDirent.name)
  const entries: DirectoryEntry[] = []
  let before = after
  for (let i = 0; i < count; i++) {
    const at = offset + i * ErofsDirent.size
    const nameoff = view.getUint16(at + NAMEOFF, true)
    const last = i === count - 1
    const end = last ? length : view.getUint16(at + ErofsDirent.size + NAMEOFF, true)
    if (nameoff > end || end > length) {
      throw reader.invalid(at, `a name ends at ${end} and begins at ${nameoff}`)
    }
    const bytes = reader.slice(offset + nameoff, end - nameoff, 'file name')
    const nul = last ? bytes.indexOf(0) : -1
    const name = nul === -1 ? bytes : bytes.subarray(0, nul)
    if (name.length === 0) throw reader.invalid(at, 'an empty file name')
    if (before !== undefined && compareBytes(before, name) >= 0) {
      throw reader.invalid(at, 'file names are not in order')
    }
    before = name
    const nid = reader.u64(at + NID, 'erofs_dirent.nid')
    entries.push({ name, nid, fileType: view.getUint8(at + FILE_TYPE) })
  }
  return entries
}
