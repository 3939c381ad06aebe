import { strict as assert } from 'node:assert'
import { alignUp } from '../../bytes/layout.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { isDirectory, isSymlink } from '../nydus-tree/file-mode.ts'
import { type FileTree, ROOT } from '../nydus-tree/file-tree.ts'
import { inodePosition, type Numbering, numberTree } from '../nydus-tree/numbering.ts'
import {
  ALIGNMENT,
  MAX_BOOTSTRAP_SIZE,
  RAFS_V5_SUPERBLOCK_SIZE,
  type RafsV5Blob,
  RafsV5ExtendedBlob,
  RafsV5Inode,
} from './layout.ts'
import { encodeXattrs } from './xattr.ts'

/** What a bootstrap says besides its tree. */
export interface RafsV5Init {
  blobs: readonly RafsV5Blob[]
  /** Superblock flags: see SuperFlags. They say which digest inodes get. */
  flags: number
  /** Nodes for the prefetch table. @default none */
  prefetch?: readonly number[]
  /** `depth-first`: as nydus does today; `index`: as it did at first. Readers go through the inode table. @default depth-first */
  recordOrder?: 'depth-first' | 'index'
}

/** Where everything of a bootstrap is: computed from sizes, before a byte is written. */
export interface RafsV5Plan {
  readonly kind: 'seekable'
  readonly tree: FileTree
  readonly numbering: Numbering
  readonly init: RafsV5Init
  readonly blobTable: Uint8Array
  readonly prefetchInos: readonly number[]
  readonly prefetchTableOffset: number
  readonly blobTableOffset: number
  readonly extendedBlobTableOffset: number
  /** Positions in the order of their records. */
  readonly order: Uint32Array
  /** By position: offset of the record / 8. */
  readonly record: Uint32Array
  /** Encoded attributes, by set. */
  readonly xattrs: readonly Uint8Array[]
  /** Bytes of the whole file. */
  readonly size: number
}

/**
 * Lays out the bootstrap of `tree`: computes every offset from sizes. Pure: nothing is written, the tree is left as it
 * is, and must not change until the bootstrap is written. Throws FORMAT_LIMIT_EXCEEDED and FORMAT_INVALID for what v5
 * cannot hold. Source: nydus builder/src/core/v5.rs (v5_dump).
 */
export function planRafsV5(tree: FileTree, init: RafsV5Init): RafsV5Plan {
  const numbering = numberTree(tree)
  const prefetchInos = prefetchOf(tree, numbering, init.prefetch ?? [])
  const blobTable = encodeBlobTable(init.blobs)
  const prefetchTableOffset = RAFS_V5_SUPERBLOCK_SIZE + alignUp(numbering.count * 4, ALIGNMENT)
  const blobTableOffset = prefetchTableOffset + alignUp(prefetchInos.length * 4, ALIGNMENT)
  const extendedBlobTableOffset = blobTableOffset + blobTable.length
  const { xattrs: sets } = tree.inodes
  const xattrs = Array.from({ length: sets.count + 1 }, (_, set) => encodeXattrs(sets.get(set)))
  const order =
    init.recordOrder === 'index' ? numbering.node.map((_, i) => i) : depthFirst(tree, numbering)
  const record = new Uint32Array(numbering.count)
  let size = extendedBlobTableOffset + init.blobs.length * RafsV5ExtendedBlob.size
  for (const position of order) {
    record[position] = size / ALIGNMENT
    size += recordSize(tree, numbering, position, xattrs)
    if (size > MAX_BOOTSTRAP_SIZE) {
      const limit = { limit: 'bytes', value: size, max: MAX_BOOTSTRAP_SIZE }
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what: tree.what,
        format: 'RAFS v5 bootstrap',
        ...limit,
      })
    }
  }
  return {
    kind: 'seekable',
    tree,
    numbering,
    init,
    blobTable,
    prefetchInos,
    prefetchTableOffset,
    blobTableOffset,
    extendedBlobTableOffset,
    order,
    record,
    xattrs,
    size,
  }
}

/** Bytes of a name as it is stored: the root is called `/`. */
export function storedName(tree: FileTree, node: number): Uint8Array {
  return node === ROOT ? Uint8Array.of(0x2f) : tree.nameOf(node)
}

function recordSize(
  tree: FileTree,
  numbering: Numbering,
  position: number,
  xattrs: readonly Uint8Array[],
): number {
  const { inodes } = tree
  const node = numbering.node[position] as number
  const inode = tree.inodeOf(node)
  const target = isSymlink(inodes.mode(inode)) ? inodes.sizeOf(inode) : 0
  if (isSymlink(inodes.mode(inode)) && (target === 0 || target > 0xffff)) {
    const problem = `the symlink ${tree.pathOf(node)} has a target of ${target} bytes`
    throw new AccelError('FORMAT_INVALID', {
      what: tree.what,
      format: 'RAFS v5 bootstrap',
      offset: 0,
      problem,
    })
  }
  return (
    RafsV5Inode.size +
    alignUp(storedName(tree, node).length, ALIGNMENT) +
    alignUp(target, ALIGNMENT) +
    (xattrs[inodes.xattrSet(inode)] as Uint8Array).length +
    inodes.chunkCount(inode) * ChunkRecord.size
  )
}

/** Positions in the order of a walk that goes into every directory at once. */
function depthFirst(tree: FileTree, numbering: Numbering): Uint32Array {
  const order = new Uint32Array(numbering.count)
  let next = 0
  const waiting = [0]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    order[next++] = at
    if (!isDirectory(tree.mode(numbering.node[at] as number))) continue
    const first = numbering.firstChild[at] as number
    for (let i = (numbering.childCount[at] as number) - 1; i >= 0; i--) waiting.push(first + i)
  }
  return order
}

/** Per blob two words and its id, one NUL between blobs. Source: rafs/src/metadata/layout/v5.rs (RafsV5BlobTable). */
function encodeBlobTable(blobs: readonly RafsV5Blob[]): Uint8Array {
  const entries = blobs.map(({ blobId, prefetchOffset, prefetchSize }, i) => {
    const entry = Buffer.alloc(8 + blobId.length + (i < blobs.length - 1 ? 1 : 0))
    entry.writeUInt32LE(prefetchOffset, 0)
    entry.writeUInt32LE(prefetchSize, 4)
    entry.write(blobId, 8, 'latin1')
    return entry
  })
  const bytes = Buffer.concat(entries)
  return Buffer.concat([bytes], alignUp(bytes.length, ALIGNMENT))
}

function prefetchOf(tree: FileTree, numbering: Numbering, nodes: readonly number[]): number[] {
  if (nodes.length === 0) return []
  const wanted = new Set(nodes)
  const inos = new Map<number, number>()
  numbering.node.forEach((node, position) => {
    if (wanted.has(node)) inos.set(node, inodePosition(tree, numbering, position) + 1)
  })
  return nodes.map((node) => {
    const ino = inos.get(node)
    assert.ok(ino !== undefined, `a node to prefetch that is not in the tree of ${tree.what}`)
    return ino
  })
}
