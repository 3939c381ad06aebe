import { alignUp, viewOf } from '../../bytes/layout.ts'
import type { RecordReader } from '../../bytes/record-reader.ts'
import { compareBytes } from '../nydus-tree/name-order.ts'
import type { Xattr } from '../nydus-tree/xattr-set.ts'
import { ErofsXattrEntry, ErofsXattrHeader } from './layout.ts'

/** What an attribute's name begins with, by index. Source: erofs_fs.h (EROFS_XATTR_INDEX_…). */
const PREFIXES: readonly (readonly [index: number, prefix: string])[] = [
  [1, 'user.'],
  [2, 'system.posix_acl_access'],
  [3, 'system.posix_acl_default'],
  [4, 'trusted.'],
  [6, 'security.'],
]

/** Largest value: its size has 16 bits. */
export const MAX_XATTR_VALUE = 0xffff
/** Largest name, prefix included. Source: XATTR_NAME_MAX of Linux. */
export const MAX_XATTR_NAME = 255
/** Largest area of one inode: its count has 16 bits. */
export const MAX_XATTR_AREA = 12 + 4 * (0xffff - 1)

/** The prefix of `name` as an index and its length, or undefined: EROFS cannot hold such an attribute. */
export function prefixOf(name: Uint8Array): { index: number; length: number } | undefined {
  const text = Buffer.from(name).toString('latin1')
  const found = PREFIXES.find(([, prefix]) => text.startsWith(prefix))
  return found === undefined ? undefined : { index: found[0], length: found[1].length }
}

/** Tells whether EROFS can hold the attribute: a known prefix, name and value not too long. */
export function isStorable(xattr: Xattr): boolean {
  return (
    prefixOf(xattr.name) !== undefined &&
    xattr.name.length <= MAX_XATTR_NAME &&
    xattr.value.length <= MAX_XATTR_VALUE
  )
}

/** Bytes that `xattrs` take behind their inode: 0 for none. */
export function xattrAreaSize(xattrs: readonly Xattr[]): number {
  if (xattrs.length === 0) return 0
  return xattrs.reduce((size, xattr) => size + entrySize(xattr), ErofsXattrHeader.size)
}

/** The count that an inode states for an area of `size` bytes. */
export function xattrCountOf(size: number): number {
  return size === 0 ? 0 : (size - ErofsXattrHeader.size) / 4 + 1
}

/** Writes `xattrs` inline, in the order given. All must be storable. Source: nydus rafs/src/metadata/layout/v6.rs (store_v6). */
export function encodeXattrs(xattrs: readonly Xattr[]): Uint8Array {
  const out = new Uint8Array(xattrAreaSize(xattrs))
  if (out.length === 0) return out
  const view = viewOf(out)
  ErofsXattrHeader.encode(view, 0, { nameFilter: 0, sharedCount: 0 })
  let at: number = ErofsXattrHeader.size
  for (const xattr of xattrs) {
    const prefix = prefixOf(xattr.name)
    if (prefix === undefined) throw new RangeError('an attribute that EROFS cannot hold')
    ErofsXattrEntry.encode(view, at, {
      nameLen: xattr.name.length - prefix.length,
      nameIndex: prefix.index,
      valueSize: xattr.value.length,
    })
    out.set(xattr.name.subarray(prefix.length), at + 4)
    out.set(xattr.value, at + 4 + xattr.name.length - prefix.length)
    at += entrySize(xattr)
  }
  return out
}

/**
 * Reads the attributes of one inode: `size` bytes at `offset`, and the shared ones that they name, which count in
 * 4-byte units from `sharedStart`. Sorted by name.
 */
export function decodeXattrs(
  reader: RecordReader,
  offset: number,
  size: number,
  sharedStart: number,
): Xattr[] {
  if (size === 0) return []
  const end = offset + size
  const header = reader.record(ErofsXattrHeader, offset)
  let at = offset + ErofsXattrHeader.size + header.sharedCount * 4
  if (at > end) throw reader.invalid(offset, `${header.sharedCount} shared attributes do not fit`)
  const xattrs: Xattr[] = []
  for (let i = 0; i < header.sharedCount; i++) {
    const id = reader.u32(offset + ErofsXattrHeader.size + i * 4, 'id of a shared attribute')
    xattrs.push(decodeEntry(reader, sharedStart + id * 4, reader.size).xattr)
  }
  while (at < end) {
    const { xattr, next } = decodeEntry(reader, at, end)
    xattrs.push(xattr)
    at = next
  }
  return xattrs.toSorted((a, b) => compareBytes(a.name, b.name))
}

function decodeEntry(
  reader: RecordReader,
  at: number,
  end: number,
): { xattr: Xattr; next: number } {
  const entry = reader.record(ErofsXattrEntry, at)
  const prefix = PREFIXES.find(([index]) => index === entry.nameIndex)?.[1]
  if (prefix === undefined) throw reader.invalid(at, `attribute prefix ${entry.nameIndex}`)
  const used = ErofsXattrEntry.size + entry.nameLen + entry.valueSize
  if (at + used > end) throw reader.invalid(at, 'an attribute goes past the end of its area')
  const suffix = reader.slice(at + ErofsXattrEntry.size, entry.nameLen, 'attribute name')
  return {
    xattr: {
      name: Buffer.concat([Buffer.from(prefix), suffix]),
      value: reader.slice(at + 4 + entry.nameLen, entry.valueSize, 'attribute value'),
    },
    next: alignUp(at + used, 4),
  }
}

function entrySize(xattr: Xattr): number {
  const prefix = prefixOf(xattr.name)?.length ?? 0
  return alignUp(ErofsXattrEntry.size + xattr.name.length - prefix + xattr.value.length, 4)
}
