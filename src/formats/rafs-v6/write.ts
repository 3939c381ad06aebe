import { strict as assert } from 'node:assert'
import { alignUp, viewOf } from '../../bytes/layout.ts'
import {
  EROFS_MAGIC,
  ErofsDeviceSlot,
  ErofsSuperblock,
  SUPERBLOCK_OFFSET,
} from '../erofs/layout.ts'
import { encodeChunkRecord } from '../nydus-blob/chunk-record.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { FileOrder } from '../../bytes/file-order.ts'
import { writeInodes } from './write-inodes.ts'
import {
  BLOCK_SIZE,
  DEVICE_ALIGNMENT,
  DEVICE_TABLE_OFFSET,
  EXTENDED_SUPERBLOCK_OFFSET,
  FEATURE_COMPAT_RAFS_V6,
  FEATURE_INCOMPAT_RAFS_V6,
  RafsV6Blob,
  RafsV6SuperblockExt,
} from './layout.ts'
import type { RafsV6Plan } from './plan.ts'

/** Writes the bootstrap from front to back, in pieces of up to 256 KiB; `plan.size` bytes in all. */
export function* writeRafsV6(plan: RafsV6Plan): Generator<Uint8Array> {
  const file = new FileOrder(plan.size)
  yield* file.put(0, encodeHead(plan))
  yield* writeInodes(plan, file)
  yield* writeChunkTable(plan, file)
  yield* file.end()
}

/** Superblocks, device table, blob table, prefetch table. */
function encodeHead(plan: RafsV6Plan): Uint8Array {
  const { init, numbering } = plan
  const { blobs } = init
  const end = plan.blobTableOffset + blobs.length * RafsV6Blob.size + plan.prefetchNids.length * 4
  const out = new Uint8Array(end)
  const view = viewOf(out)
  const devices = deviceSlots(plan)
  ErofsSuperblock.encode(view, SUPERBLOCK_OFFSET, {
    magic: EROFS_MAGIC,
    checksum: 0,
    featureCompat: FEATURE_COMPAT_RAFS_V6,
    blkszbits: 12,
    sbExtslots: 0,
    rootNid: plan.placement.nid[0] as number,
    inos: numbering.count,
    buildTime: 0,
    buildTimeNsec: 0,
    blocks: devices.reduce((sum, device) => sum + device.blocks, 0),
    metaBlkaddr: plan.metaOffset / BLOCK_SIZE,
    xattrBlkaddr: 0,
    uuid: new Uint8Array(16),
    volumeName: new Uint8Array(16),
    featureIncompat: FEATURE_INCOMPAT_RAFS_V6,
    compression: 0,
    extraDevices: blobs.length,
    devtSlotoff: DEVICE_TABLE_OFFSET / ErofsDeviceSlot.size,
    dirblkbits: 0,
    xattrPrefixCount: 0,
    xattrPrefixStart: 0,
    packedNid: 0,
  })
  RafsV6SuperblockExt.encode(view, EXTENDED_SUPERBLOCK_OFFSET, {
    flagsLow: init.flags >>> 0,
    flagsHigh: 0,
    blobTableOffset: plan.blobTableOffset,
    blobTableSize: blobs.length * RafsV6Blob.size,
    chunkSize: plan.tree.inodes.chunkSize,
    chunkTableOffset: plan.chunkTableOffset,
    chunkTableSize: plan.chunkTableSize,
    prefetchTableOffset: plan.prefetchTableOffset,
    prefetchTableSize: plan.prefetchNids.length * 4,
  })
  devices.forEach((device, i) => {
    ErofsDeviceSlot.encode(view, DEVICE_TABLE_OFFSET + i * ErofsDeviceSlot.size, device)
  })
  blobs.forEach((blob, i) => {
    RafsV6Blob.encode(view, plan.blobTableOffset + i * RafsV6Blob.size, { ...blob, blobIndex: i })
  })
  plan.prefetchNids.forEach((nid, i) => {
    view.setUint32(plan.prefetchTableOffset + i * 4, nid, true)
  })
  return out
}

/** Blobs as devices; behind the bootstrap, in order, for who sees all as one device. */
function deviceSlots(plan: RafsV6Plan): ErofsDeviceSlot[] {
  let end = plan.size
  return plan.init.blobs.map((blob) => {
    const blocks = Math.floor(blob.uncompressedSize / BLOCK_SIZE)
    assert.ok(blocks > 0, 'a blob without blocks cannot be a device')
    const mappedBlkaddr = alignUp(end, DEVICE_ALIGNMENT) / BLOCK_SIZE
    end = (mappedBlkaddr + blocks) * BLOCK_SIZE
    return { tag: blob.blobId, blocks, mappedBlkaddr }
  })
}

function* writeChunkTable(plan: RafsV6Plan, file: FileOrder): Generator<Uint8Array> {
  const { tree, chunkUse, init } = plan
  const { chunks, chunkSize } = tree.inodes
  const ids = init.chunkOrder === 'id' ? chunkUse.ids : chunks.sorted(chunkUse.ids)
  let offset = plan.chunkTableOffset
  for (let i = 0; i < ids.length; i++, offset += ChunkRecord.size) {
    const id = ids[i] as number
    const fileOffset = ((chunkUse.lastPosition[id] as number) - 1) * chunkSize
    encodeChunkRecord(file, file.at(offset, ChunkRecord.size), chunks, id, fileOffset)
    if (file.hasWhole) yield* file.take()
  }
}
