/** Where things are in a RAFS v5 bootstrap. */
import { readTables } from '../../formats/rafs-v5/tables.ts'
import { readInodeRecord, type StoredInode } from '../../formats/rafs-v5/inode-record.ts'

/** The inode of a path without a slash in front, with what follows it. */
export function inodeOf(bytes: Uint8Array, path: string): StoredInode {
  const tables = readTables(bytes, 'the bootstrap')
  let inode = readInodeRecord(tables, 1)
  for (const name of path === '' ? [] : path.split('/')) {
    const { childIndex, childCount } = inode.record
    const children = Array.from({ length: childCount }, (_, i) =>
      readInodeRecord(tables, childIndex + i),
    )
    const found = children.find((child) => Buffer.from(child.name).toString() === name)
    if (found === undefined) throw new Error(`no ${path}`)
    inode = found
  }
  return inode
}

/** Where the entry of the blob number `blob` in the extended blob table is. */
export function extendedBlobAt(bytes: Uint8Array, blob: number): number {
  const { superblock } = readTables(bytes, 'the bootstrap')
  return superblock.extendedBlobTableOffset + blob * 64
}

export function prefetchTableAt(bytes: Uint8Array): number {
  return readTables(bytes, 'the bootstrap').superblock.prefetchTableOffset
}
