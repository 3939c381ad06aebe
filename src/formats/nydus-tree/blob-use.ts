import type { FileTree } from './file-tree.ts'
import type { Numbering } from './numbering.ts'

/** Blob index of chunks that no file refers to any more. */
const UNUSED = 0xffff

/**
 * The blobs that files of the tree refer to, as indexes of the present table, in the order of first use. An image's
 * blob table lists these and no others. Source: nydus builder/src/merge.rs (used_blobs).
 */
export function blobsInUse(tree: FileTree, numbering: Numbering): number[] {
  const order: number[] = []
  const seen = new Uint8Array(UNUSED)
  const { inodes } = tree
  for (let position = 0; position < numbering.count; position++) {
    const inode = tree.inodeOf(numbering.node[position] as number)
    const count = inodes.chunkCount(inode)
    for (let i = 0; i < count; i++) {
      const blob = inodes.chunks.blobIndexOf(inodes.chunkAt(inode, i))
      if (seen[blob] === 1) continue
      seen[blob] = 1
      order.push(blob)
    }
  }
  return order
}

/** Renumbers blobs so that `order[i]` becomes blob `i`; chunks of others, which no file has, lose theirs. */
export function renumberBlobs(tree: FileTree, order: readonly number[]): void {
  const places = new Uint16Array(UNUSED).fill(UNUSED)
  for (const [i, blob] of order.entries()) places[blob] = i
  const { chunks } = tree.inodes
  for (let id = 0; id < chunks.length; id++) {
    chunks.setBlobIndex(id, places[chunks.blobIndexOf(id)] ?? UNUSED)
  }
}
