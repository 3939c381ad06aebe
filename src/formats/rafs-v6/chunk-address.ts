import { ErofsChunkIndex } from '../erofs/layout.ts'

/**
 * A chunk address in an inode: an EROFS chunk index with the chunk index packed around the device, which is the blob
 * index + 1; `blkaddr` is the block in the uncompressed blob. Source: rafs/src/metadata/layout/v6.rs (RafsV6InodeChunkAddr).
 */

const ADVISE = ErofsChunkIndex.offsetOf('advise')
const DEVICE_ID = ErofsChunkIndex.offsetOf('deviceId')
const BLKADDR = ErofsChunkIndex.offsetOf('blkaddr')

/** Writes the address at `at`. `index`: position among the chunks of its blob, of 24 bits. */
export function setChunkAddress(
  view: DataView,
  at: number,
  blobIndex: number,
  index: number,
  blkaddr: number,
): void {
  view.setUint16(at + ADVISE, index & 0xffff, true)
  view.setUint16(at + DEVICE_ID, ((index >>> 16) << 8) | (blobIndex + 1), true)
  view.setUint32(at + BLKADDR, blkaddr, true)
}

/** The blob index of the address at `at`; -1 where the device is 0, which no RAFS bootstrap has. */
export function blobIndexAt(view: DataView, at: number): number {
  return (view.getUint16(at + DEVICE_ID, true) & 0xff) - 1
}

/** Its chunk index. */
export function chunkIndexAt(view: DataView, at: number): number {
  return ((view.getUint16(at + DEVICE_ID, true) >>> 8) << 16) | view.getUint16(at + ADVISE, true)
}

/** Its block. */
export function blkaddrAt(view: DataView, at: number): number {
  return view.getUint32(at + BLKADDR, true)
}
