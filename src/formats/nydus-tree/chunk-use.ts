import type { FileTree } from './file-tree.ts'
import type { Numbering } from './numbering.ts'

/** Which chunks files refer to, and where in the last file that does. */
export interface ChunkUse {
  /** Ids in use, ascending. */
  readonly ids: Uint32Array
  /** By chunk id: position in the file + 1, 0 for a chunk that is not used. */
  readonly lastPosition: Uint32Array
}

/** Goes through all files in the order of `numbering`. */
export function chunksInUse(tree: FileTree, numbering: Numbering): ChunkUse {
  const { inodes } = tree
  const lastPosition = new Uint32Array(inodes.chunks.length)
  let used = 0
  for (let position = 0; position < numbering.count; position++) {
    const inode = tree.inodeOf(numbering.node[position] as number)
    const count = inodes.chunkCount(inode)
    for (let i = 0; i < count; i++) {
      const id = inodes.chunkAt(inode, i)
      if (lastPosition[id] === 0) used++
      lastPosition[id] = i + 1
    }
  }
  const ids = new Uint32Array(used)
  let next = 0
  for (let id = 0; id < lastPosition.length; id++) if (lastPosition[id] !== 0) ids[next++] = id
  return { ids, lastPosition }
}
