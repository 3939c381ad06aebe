import { strict as assert } from 'node:assert'
import { alignUp } from '../../bytes/layout.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { ErofsDeviceSlot } from '../erofs/layout.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { checkChunkAddress, MAX_BLOBS } from '../nydus-tree/chunk-store.ts'
import { type ChunkUse, chunksInUse } from '../nydus-tree/chunk-use.ts'
import type { FileTree } from '../nydus-tree/file-tree.ts'
import { type Numbering, numberTree } from '../nydus-tree/numbering.ts'
import { BLOCK_SIZE, DEVICE_TABLE_OFFSET, RafsV6Blob } from './layout.ts'
import { type Placement, placeTree } from './place.ts'

/** What a bootstrap says besides its tree. */
export interface RafsV6Init {
  /** Entries of the blob table. Each must have chunks and blocks. */
  blobs: readonly RafsV6Blob[]
  /** Superblock flags: see SuperFlags. */
  flags: number
  /** Nodes for the prefetch table. @default none */
  prefetch?: readonly number[]
  /** `digest`: sorted as nydus does today; `id`: in the order in which the tree got its chunks. @default digest */
  chunkOrder?: 'digest' | 'id'
}

/** Where everything of a bootstrap is: computed from sizes, before a byte is written. */
export interface RafsV6Plan {
  readonly kind: 'seekable'
  readonly tree: FileTree
  readonly numbering: Numbering
  readonly placement: Placement
  readonly chunkUse: ChunkUse
  readonly init: RafsV6Init
  readonly blobTableOffset: number
  readonly prefetchTableOffset: number
  readonly prefetchNids: readonly number[]
  /** Where nids count from. */
  readonly metaOffset: number
  readonly chunkTableOffset: number
  readonly chunkTableSize: number
  /** Bytes of the whole file. */
  readonly size: number
}

/**
 * Lays out the bootstrap of `tree`: computes every offset from sizes. Pure: nothing is written, the tree is left as it is, and must not
 * change until the bootstrap is written. Throws FORMAT_LIMIT_EXCEEDED and FORMAT_INVALID for what v6 cannot hold.
 * Source: nydus builder/src/core/v6.rs (v6_dump).
 */
export function planRafsV6(tree: FileTree, init: RafsV6Init): RafsV6Plan {
  const { blobs } = init
  if (blobs.length > MAX_BLOBS) {
    const limit = { limit: 'a number of blobs', value: blobs.length, max: MAX_BLOBS }
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what: tree.what,
      format: 'RAFS v6 bootstrap',
      ...limit,
    })
  }
  const numbering = numberTree(tree)
  const placement = placeTree(tree, numbering)
  const chunkUse = chunksInUse(tree, numbering)
  checkChunks(tree, chunkUse, blobs.length)
  const prefetchNids = prefetchOf(tree, numbering, placement, init)
  const blobTableOffset = alignUp(
    DEVICE_TABLE_OFFSET + blobs.length * ErofsDeviceSlot.size,
    BLOCK_SIZE,
  )
  const blobTableEnd = blobTableOffset + blobs.length * RafsV6Blob.size
  const metaOffset =
    blobs.length === 0 ? 0 : alignUp(blobTableEnd + prefetchNids.length * 4, BLOCK_SIZE)
  const chunkTableOffset = metaOffset + placement.size
  const chunkTableSize = chunkUse.ids.length * ChunkRecord.size
  return {
    kind: 'seekable',
    tree,
    numbering,
    placement,
    chunkUse,
    init,
    blobTableOffset,
    prefetchTableOffset: prefetchNids.length === 0 ? 0 : blobTableEnd,
    prefetchNids,
    metaOffset,
    chunkTableOffset,
    chunkTableSize,
    size: alignUp(chunkTableOffset + chunkTableSize, BLOCK_SIZE),
  }
}

/** Holds the chunks to what an inode can say of them. Throws FORMAT_LIMIT_EXCEEDED. */
function checkChunks(tree: FileTree, { ids }: ChunkUse, blobs: number): void {
  const { chunks } = tree.inodes
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number
    assert(chunks.blobIndexOf(id) < blobs, 'a chunk of a blob without entry')
    assert(chunks.uncompressedOffsetOf(id) % BLOCK_SIZE === 0, 'a chunk that begins in a block')
    checkChunkAddress(chunks.blobIndexOf(id), chunks.indexOf(id), tree.what)
  }
}

/** The nids of the nodes to prefetch. A table needs a blob. */
function prefetchOf(
  tree: FileTree,
  numbering: Numbering,
  placement: Placement,
  init: RafsV6Init,
): number[] {
  const nodes = init.prefetch ?? []
  if (nodes.length === 0 || init.blobs.length === 0) return []
  const nids = new Map<number, number>()
  const wanted = new Set(nodes)
  numbering.node.forEach((node, position) => {
    if (wanted.has(node)) nids.set(node, placement.nid[position] as number)
  })
  return nodes.map((node) => {
    const nid = nids.get(node)
    assert.ok(nid !== undefined, `a node to prefetch that is not in the tree of ${tree.what}`)
    return nid
  })
}
