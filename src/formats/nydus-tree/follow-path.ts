import { isDirectory, isSymlink } from './file-mode.ts'
import { type FileTree, NONE, ROOT } from './file-tree.ts'
import { splitPath } from './file-name.ts'

/** Links that one path may lead through. Source: MAXSYMLINKS of Linux. */
const MAX_LINKS = 40

/**
 * The directory at a path, from `from` on, as a program that runs in the tree would find it: symlinks are followed,
 * absolute ones from the root of the tree, and `..` stops there. NONE where there is none.
 */
export function followPath(tree: FileTree, names: readonly Uint8Array[], from = ROOT): number {
  const waiting = names.toReversed()
  let node = from
  let links = 0
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (isUp(name)) {
      node = tree.parentOf(node)
      continue
    }
    const next = tree.lookup(node, name)
    if (next === NONE) return NONE
    const mode = tree.mode(next)
    if (isDirectory(mode)) node = next
    else if (!isSymlink(mode) || ++links > MAX_LINKS) return NONE
    else {
      const target = new Uint8Array(tree.inodes.target(tree.inodeOf(next)))
      if (target.length === 0) return NONE
      if (target[0] === 0x2f) node = ROOT
      waiting.push(...splitPath(target).toReversed())
    }
  }
  return node
}

function isUp(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === 0x2e && name[1] === 0x2e
}
