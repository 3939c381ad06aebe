import { type FileTree, ROOT } from './file-tree.ts'
import { isDirectory, isRegular } from './file-mode.ts'

/**
 * The order in which a bootstrap lists a tree. Position 0 is the root; then, per directory, all its children in
 * name order, followed by each child directory's own children in turn. Children of one directory are thus a range.
 * The inode number of RAFS is the position + 1. Source: nydus builder/src/core/bootstrap.rs (build_rafs).
 */
export interface Numbering {
  /** Names in the tree, the root included. */
  readonly count: number
  /** Node at each position. */
  readonly node: Uint32Array
  /** Position of the parent directory; the root's is its own. */
  readonly parent: Uint32Array
  /** Where the children of a directory begin; for an empty one where they would. 0 for all else. */
  readonly firstChild: Uint32Array
  readonly childCount: Uint32Array
  /** Directories among the children. */
  readonly childDirectories: Uint32Array
  /** By inode: the position of its first name. */
  readonly firstName: Uint32Array
  /** By inode: how many names it has in the tree, 0 for one that has none left. */
  readonly links: Uint32Array
}

/** Numbers the names of `tree`: about 28 bytes a name while the numbering is kept. */
export function numberTree(tree: FileTree): Numbering {
  const count = tree.liveCount
  const node = new Uint32Array(count)
  const parent = new Uint32Array(count)
  const firstChild = new Uint32Array(count)
  const childCount = new Uint32Array(count)
  const childDirectories = new Uint32Array(count)
  const firstName = new Uint32Array(tree.inodes.length)
  const links = new Uint32Array(tree.inodes.length)

  node[0] = ROOT
  links[tree.inodeOf(ROOT)] = 1
  let next = 1
  // Directories whose children have no number yet, the next one to be dealt with last.
  const waiting = [0]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const children = tree.children(node[at] as number)
    firstChild[at] = next
    childCount[at] = children.length
    let directories = 0
    for (let i = 0; i < children.length; i++, next++) {
      const child = children[i] as number
      const inode = tree.inodeOf(child)
      node[next] = child
      parent[next] = at
      if (links[inode] === 0) firstName[inode] = next
      links[inode] = (links[inode] as number) + 1
      if (isDirectory(tree.inodes.mode(inode))) directories++
    }
    childDirectories[at] = directories
    for (let child = next - 1; directories > 0; child--) {
      if (!isDirectory(tree.mode(node[child] as number))) continue
      waiting.push(child)
      directories--
    }
  }
  return { count, node, parent, firstChild, childCount, childDirectories, firstName, links }
}

/**
 * The link count that both RAFS versions store: 2 and one for each child directory, or how many names a file has in
 * the tree, and 1 for what is neither: RAFS links files only, so each name of a symlink or device is its own inode.
 */
export function nlinkOf(tree: FileTree, numbering: Numbering, position: number): number {
  const inode = tree.inodeOf(numbering.node[position] as number)
  const mode = tree.inodes.mode(inode)
  if (isRegular(mode)) return numbering.links[inode] as number
  return isDirectory(mode) ? 2 + (numbering.childDirectories[position] as number) : 1
}

/** Position of the name whose inode stands for `position`: the first link of a file, itself for all else. */
export function inodePosition(tree: FileTree, numbering: Numbering, position: number): number {
  const inode = tree.inodeOf(numbering.node[position] as number)
  return isRegular(tree.inodes.mode(inode)) ? (numbering.firstName[inode] as number) : position
}
