import { viewOf } from '../../bytes/layout.ts'
import type { RecordReader } from '../../bytes/record-reader.ts'
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

const FILE_TYPES: readonly (readonly [type: number, fileType: number])[] = [
  [S_IFREG, FT_REG_FILE],
  [S_IFDIR, FT_DIR],
  [S_IFCHR, FT_CHRDEV],
  [S_IFBLK, FT_BLKDEV],
  [S_IFIFO, FT_FIFO],
  [S_IFSOCK, FT_SOCK],
  [S_IFLNK, FT_SYMLINK],
]

/** The file type of a dirent for a mode; 0 for a type that no file has. */
export function fileTypeOf(mode: number): number {
  return FILE_TYPES.find(([type]) => type === (mode & S_IFMT))?.[1] ?? 0
}

/**
 * Adds up the size of a directory from its names in order: an entry takes 12 bytes and its name, no entry crosses a
 * block, and all blocks but the last count whole. Source: nydus builder/src/core/v6.rs (v6_dirent_size).
 */
export class DirectorySizer {
  size = 0
  readonly #blockSize: number

  constructor(blockSize: number) {
    this.#blockSize = blockSize
  }

  add(nameSize: number): void {
    const length = ErofsDirent.size + nameSize
    const used = this.size % this.#blockSize
    if (used + length > this.#blockSize) this.size += this.#blockSize - used
    this.size += length
  }
}

/** The bytes of a directory with these entries, sorted by name bytes; as long as DirectorySizer says. */
export function encodeDirectory(entries: readonly DirectoryEntry[], blockSize: number): Uint8Array {
  const sizer = new DirectorySizer(blockSize)
  for (const { name } of entries) sizer.add(name.length)
  const out = new Uint8Array(sizer.size)
  const view = viewOf(out)
  let block = 0
  for (let first = 0; first < entries.length; block += blockSize) {
    let used = 0
    let last = first
    for (; last < entries.length; last++) {
      const length = ErofsDirent.size + (entries[last] as DirectoryEntry).name.length
      if (used + length > blockSize) break
      used += length
    }
    let nameoff = (last - first) * ErofsDirent.size
    for (let i = first; i < last; i++) {
      const { name, nid, fileType } = entries[i] as DirectoryEntry
      ErofsDirent.encode(view, block + (i - first) * ErofsDirent.size, { nid, nameoff, fileType })
      out.set(name, block + nameoff)
      nameoff += name.length
    }
    first = last
  }
  return out
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
  const first = reader.record(ErofsDirent, offset)
  const count = first.nameoff / ErofsDirent.size
  if (!Number.isInteger(count) || count === 0 || first.nameoff > length) {
    throw reader.invalid(offset, `the first name of a directory block is at ${first.nameoff}`)
  }
  const dirents = Array.from({ length: count }, (_, i) =>
    reader.record(ErofsDirent, offset + i * ErofsDirent.size),
  )
  let before = after
  return dirents.map(({ nid, nameoff, fileType }, i) => {
    const at = offset + i * ErofsDirent.size
    const end = dirents[i + 1]?.nameoff
    if (nameoff > (end ?? length) || (end ?? 0) > length) {
      throw reader.invalid(at, `a name ends at ${end ?? length} and begins at ${nameoff}`)
    }
    const bytes = reader.slice(offset + nameoff, (end ?? length) - nameoff, 'file name')
    const nul = end === undefined ? bytes.indexOf(0) : -1
    const name = nul === -1 ? bytes : bytes.subarray(0, nul)
    if (name.length === 0) throw reader.invalid(at, 'an empty file name')
    if (before !== undefined && compareBytes(before, name) >= 0) {
      throw reader.invalid(at, 'file names are not in order')
    }
    before = name
    return { name, nid, fileType }
  })
}
