import { strict as assert } from 'node:assert'
import { inFileOrder } from '../../bytes/file-order.ts'
import { alignUp, viewOf } from '../../bytes/layout.ts'
import { algorithmsOf } from '../nydus-blob/algorithm.ts'
import { digestFunction } from '../nydus-blob/chunk-digest.ts'
import { encodeChunkRecord } from '../nydus-blob/chunk-record.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { DIGEST_SIZE } from '../nydus-tree/chunk-store.ts'
import { isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import { inodePosition, nlinkOf } from '../nydus-tree/numbering.ts'
import { inodeDigests } from './inode-digest.ts'
import {
  ALIGNMENT,
  InodeFlag,
  RAFS_V5_MAGIC,
  RAFS_V5_SUPERBLOCK_SIZE,
  RAFS_V5_VERSION,
  RafsV5ExtendedBlob,
  RafsV5Inode,
  RafsV5Superblock,
} from './layout.ts'
import { type RafsV5Plan, storedName } from './plan.ts'
import { alignedPairsSize } from './xattr.ts'

interface Piece {
  offset: number
  bytes: Uint8Array
}

/** Writes the bootstrap from front to back, in pieces of up to 256 KiB; `plan.size` bytes in all. */
export function* writeRafsV5(plan: RafsV5Plan): Generator<Uint8Array> {
  yield* inFileOrder(pieces(plan), plan.size)
}

function* pieces(plan: RafsV5Plan): Generator<Piece> {
  const algorithms = algorithmsOf(plan.init.flags)
  assert.ok(algorithms !== undefined, 'flags that name one compressor and one digest')
  yield { offset: 0, bytes: encodeHead(plan) }
  const digests = inodeDigests(plan.tree, plan.numbering, digestFunction(algorithms.digester))
  for (const position of plan.order) {
    const digest = digests.subarray(position * DIGEST_SIZE, (position + 1) * DIGEST_SIZE)
    yield {
      offset: (plan.record[position] as number) * ALIGNMENT,
      bytes: encodeInode(plan, position, digest),
    }
  }
}

/** The superblock and the tables. */
function encodeHead(plan: RafsV5Plan): Uint8Array {
  const { tree, numbering, init } = plan
  const end = plan.extendedBlobTableOffset + init.blobs.length * RafsV5ExtendedBlob.size
  const out = new Uint8Array(end)
  const view = viewOf(out)
  let inodesCount = 0
  for (let position = 0; position < numbering.count; position++) {
    if (inodePosition(tree, numbering, position) === position) inodesCount++
  }
  RafsV5Superblock.encode(view, 0, {
    magic: RAFS_V5_MAGIC,
    version: RAFS_V5_VERSION,
    size: RAFS_V5_SUPERBLOCK_SIZE,
    chunkSize: tree.inodes.chunkSize,
    flagsLow: init.flags >>> 0,
    flagsHigh: 0,
    inodesCount,
    inodeTableOffset: RAFS_V5_SUPERBLOCK_SIZE,
    prefetchTableOffset: plan.prefetchTableOffset,
    blobTableOffset: plan.blobTableOffset,
    inodeTableEntries: numbering.count,
    prefetchTableEntries: plan.prefetchInos.length,
    blobTableSize: plan.blobTable.length,
    extendedBlobTableEntries: init.blobs.length,
    extendedBlobTableOffset: plan.extendedBlobTableOffset,
  })
  plan.record.forEach((record, position) => {
    view.setUint32(RAFS_V5_SUPERBLOCK_SIZE + position * 4, record, true)
  })
  plan.prefetchInos.forEach((ino, i) => view.setUint32(plan.prefetchTableOffset + i * 4, ino, true))
  out.set(plan.blobTable, plan.blobTableOffset)
  init.blobs.forEach((blob, i) => {
    RafsV5ExtendedBlob.encode(
      view,
      plan.extendedBlobTableOffset + i * RafsV5ExtendedBlob.size,
      blob,
    )
  })
  return out
}

function encodeInode(plan: RafsV5Plan, position: number, digest: Uint8Array): Uint8Array {
  const { tree, numbering } = plan
  const { inodes } = tree
  const node = numbering.node[position] as number
  const inode = tree.inodeOf(node)
  const mode = inodes.mode(inode)
  const name = storedName(tree, node)
  const target = isSymlink(mode) ? inodes.target(inode) : new Uint8Array()
  const set = inodes.xattrs.get(inodes.xattrSet(inode))
  const xattrs = plan.xattrs[inodes.xattrSet(inode)] as Uint8Array
  const chunkCount = inodes.chunkCount(inode)
  const size = isDirectory(mode) ? directorySize(plan, position) : inodes.sizeOf(inode)

  const targetAt = RafsV5Inode.size + alignUp(name.length, ALIGNMENT)
  const xattrsAt = targetAt + alignUp(target.length, ALIGNMENT)
  const chunksAt = xattrsAt + xattrs.length
  const bytes = new Uint8Array(chunksAt + chunkCount * ChunkRecord.size)
  const view = viewOf(bytes)
  RafsV5Inode.encode(view, 0, {
    digest,
    parent: position === 0 ? 0 : (numbering.parent[position] as number) + 1,
    ino: inodePosition(tree, numbering, position) + 1,
    uid: inodes.uid(inode),
    gid: inodes.gid(inode),
    projid: 0,
    mode,
    size,
    blocks: Math.ceil((size + alignedPairsSize(set)) / 512),
    flags: (isSymlink(mode) ? InodeFlag.symlink : 0) | (set.length > 0 ? InodeFlag.xattr : 0),
    nlink: nlinkOf(tree, numbering, position),
    childIndex: isDirectory(mode) ? (numbering.firstChild[position] as number) + 1 : 0,
    childCount: isRegular(mode) ? chunkCount : (numbering.childCount[position] as number),
    nameSize: name.length,
    symlinkSize: target.length,
    rdev: inodes.device(inode),
    mtimeNsec: inodes.mtimeNanoseconds(inode),
    mtime: inodes.mtime(inode),
  })
  bytes.set(name, RafsV5Inode.size)
  bytes.set(target, targetAt)
  bytes.set(xattrs, xattrsAt)
  for (let i = 0; i < chunkCount; i++) {
    const at = chunksAt + i * ChunkRecord.size
    encodeChunkRecord(
      { bytes, view },
      at,
      inodes.chunks,
      inodes.chunkAt(inode, i),
      i * inodes.chunkSize,
    )
  }
  return bytes
}

/** The size that a directory is given: 8 bytes and the name for each child, in whole blocks, at least one. */
function directorySize({ tree, numbering }: RafsV5Plan, position: number): number {
  const first = numbering.firstChild[position] as number
  let size = 0
  for (let i = 0; i < (numbering.childCount[position] as number); i++) {
    size += tree.nameSizeOf(numbering.node[first + i] as number) + 8
  }
  return Math.max(4096, alignUp(size, 4096))
}
