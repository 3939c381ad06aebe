import type { DigestFunction } from '../nydus-blob/chunk-digest.ts'
import { DIGEST_SIZE } from '../nydus-tree/chunk-store.ts'
import { isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import type { FileTree } from '../nydus-tree/file-tree.ts'
import type { Numbering } from '../nydus-tree/numbering.ts'

/**
 * The digest of every name of a tree, 32 bytes each in the order of `numbering`: of a file the digest of its chunks'
 * digests, of a symlink that of its target, of a directory that of its children's digests, of all else that of
 * nothing. The root's covers the tree. Source: nydus builder/src/core/v5.rs (v5_digest_node), node.rs.
 */
export function inodeDigests(
  tree: FileTree,
  numbering: Numbering,
  digest: DigestFunction,
): Uint8Array {
  const { inodes } = tree
  const digests = new Uint8Array(numbering.count * DIGEST_SIZE)
  const ofNothing = digest(new Uint8Array())
  // Children have higher positions than their directory, so from the end all are there when they are needed.
  for (let position = numbering.count - 1; position >= 0; position--) {
    const inode = tree.inodeOf(numbering.node[position] as number)
    const mode = inodes.mode(inode)
    let value = ofNothing
    if (isRegular(mode) && inodes.chunkCount(inode) > 0) {
      const chunks = new Uint8Array(inodes.chunkCount(inode) * DIGEST_SIZE)
      for (let i = 0; i < inodes.chunkCount(inode); i++) {
        chunks.set(inodes.chunks.digestOf(inodes.chunkAt(inode, i)), i * DIGEST_SIZE)
      }
      value = digest(chunks)
    } else if (isSymlink(mode)) value = digest(inodes.target(inode))
    else if (isDirectory(mode)) {
      const first = (numbering.firstChild[position] as number) * DIGEST_SIZE
      const end = first + (numbering.childCount[position] as number) * DIGEST_SIZE
      value = digest(digests.subarray(first, end))
    }
    digests.set(value, position * DIGEST_SIZE)
  }
  return digests
}
