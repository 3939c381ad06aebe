/** Where things are in a RAFS v6 bootstrap. */
import { alignUp } from '../../bytes/layout.ts'
import { ErofsImage } from '../../formats/erofs/image.ts'
import type { ErofsInode } from '../../formats/erofs/inode.ts'
import { ErofsDeviceSlot, SUPERBLOCK_OFFSET } from '../../formats/erofs/layout.ts'
import { ChunkRecord } from '../../formats/nydus-blob/layout.ts'
import {
  DEVICE_TABLE_OFFSET,
  EXTENDED_SUPERBLOCK_OFFSET,
  RafsV6Blob,
  RafsV6SuperblockExt,
} from '../../formats/rafs-v6/layout.ts'
import { viewOf } from '../../bytes/layout.ts'

export const SUPERBLOCK_AT = SUPERBLOCK_OFFSET
export const EXTENDED_AT = EXTENDED_SUPERBLOCK_OFFSET

/** The inode of a path without a slash in front. */
export function inodeOf(bytes: Uint8Array, path: string): ErofsInode {
  const image = new ErofsImage(bytes, 'the bootstrap')
  let inode = image.root()
  for (const name of path === '' ? [] : path.split('/')) {
    const found = [...image.entries(inode)].find((one) => Buffer.from(one.name).toString() === name)
    if (found === undefined) throw new Error(`no ${path}`)
    inode = image.inode(found.nid)
  }
  return inode
}

/** The bytes of the first block of a directory: dirents, then names. */
export function directoryBytes(bytes: Buffer, path: string): Buffer {
  const image = new ErofsImage(bytes, 'the bootstrap')
  const [first] = image.extents(inodeOf(bytes, path))
  return bytes.subarray(first!.offset, first!.offset + first!.length)
}

/** Where the chunk address number `position` of a file is. */
export function chunkAddressAt(bytes: Uint8Array, path: string, position = 0): number {
  return alignUp(inodeOf(bytes, path).end, 8) + position * 8
}

function extended(bytes: Uint8Array): RafsV6SuperblockExt {
  return RafsV6SuperblockExt.decode(viewOf(bytes), EXTENDED_AT)
}

/** Where the record of chunk `index` of the blob number `blob` is. */
export function chunkRecordAt(bytes: Uint8Array, blob: number, index: number): number {
  const { chunkTableOffset, chunkTableSize } = extended(bytes)
  for (let at = chunkTableOffset; at < chunkTableOffset + chunkTableSize; at += ChunkRecord.size) {
    const record = ChunkRecord.decode(viewOf(bytes), at)
    if (record.blobIndex === blob && record.index === index) return at
  }
  throw new Error(`no chunk ${index} of blob ${blob}`)
}

/** Where the entry of the blob number `blob` is. */
export function blobEntryAt(bytes: Uint8Array, blob: number): number {
  return extended(bytes).blobTableOffset + blob * RafsV6Blob.size
}

export function deviceSlotAt(blob: number): number {
  return DEVICE_TABLE_OFFSET + blob * ErofsDeviceSlot.size
}

export function prefetchTableAt(bytes: Uint8Array): number {
  return extended(bytes).prefetchTableOffset
}
