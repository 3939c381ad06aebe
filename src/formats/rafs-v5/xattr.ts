import { alignUp, viewOf } from '../../bytes/layout.ts'
import type { RecordReader } from '../../bytes/record-reader.ts'
import type { Xattr } from '../nydus-tree/xattr-set.ts'
import { ALIGNMENT } from './layout.ts'

/** Bytes of the pairs, without the size before and the padding behind them. */
function pairsSize(xattrs: readonly Xattr[]): number {
  return xattrs.reduce((size, { name, value }) => size + 4 + name.length + 1 + value.length, 0)
}

/** Bytes of the pairs with their padding: what counts towards the blocks of an inode. */
export function alignedPairsSize(xattrs: readonly Xattr[]): number {
  return alignUp(pairsSize(xattrs), ALIGNMENT)
}

/** The attributes of an inode: size of all pairs, then per pair its size, name, NUL and value. None take no bytes. */
export function encodeXattrs(xattrs: readonly Xattr[]): Uint8Array {
  if (xattrs.length === 0) return new Uint8Array()
  const out = new Uint8Array(8 + alignedPairsSize(xattrs))
  const view = viewOf(out)
  view.setUint32(0, pairsSize(xattrs), true)
  let at = 8
  for (const { name, value } of xattrs) {
    view.setUint32(at, name.length + 1 + value.length, true)
    out.set(name, at + 4)
    out.set(value, at + 4 + name.length + 1)
    at += 4 + name.length + 1 + value.length
  }
  return out
}

/** Reads the attributes at `offset`, and says where they end. */
export function decodeXattrs(
  reader: RecordReader,
  offset: number,
): { xattrs: Xattr[]; end: number } {
  reader.require(offset, 8, 'attributes')
  const size = reader.u32(offset, 'attributes')
  const pairsEnd = offset + 8 + size
  if (reader.u32(offset + 4, 'attributes') !== 0)
    throw reader.invalid(offset, 'attributes of 4 GiB')
  reader.require(offset + 8, size, 'attributes')
  const xattrs: Xattr[] = []
  let at = offset + 8
  while (at < pairsEnd) {
    const length = at + 4 <= pairsEnd ? reader.u32(at, 'an attribute') : 0
    if (at + 4 + length > pairsEnd) throw reader.invalid(at, 'an attribute goes past the end')
    const pair = reader.slice(at + 4, length, 'an attribute')
    const nul = pair.indexOf(0)
    if (nul <= 0) throw reader.invalid(at, 'an attribute without name')
    xattrs.push({ name: pair.subarray(0, nul), value: pair.subarray(nul + 1) })
    at += 4 + length
  }
  return { xattrs, end: alignUp(pairsEnd, ALIGNMENT) }
}
