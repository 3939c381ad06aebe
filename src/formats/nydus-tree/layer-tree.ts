import { AccelError } from '../../errors/accel-error.ts'
import { isDirectory, isRegular, S_IFDIR } from './file-mode.ts'
import { FileTree, type FileTreeInit, NONE, ROOT } from './file-tree.ts'

/** The names of a path as an archive has it: `./a//b/` is a and b, the root is no name at all. */
export function splitPath(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = []
  for (let from = 0; from < path.length;) {
    const slash = path.indexOf(0x2f, from)
    const end = slash === -1 ? path.length : slash
    const name = path.subarray(from, end)
    if (name.length > 1 || (name.length === 1 && name[0] !== 0x2e)) names.push(name)
    from = end + 1
  }
  return names
}

/**
 * Builds the tree of one layer from entries in the order of its archive: parents that have no entry are invented, a
 * later entry for a path replaces an earlier one. Whiteouts are names like any other. Source: nydus
 * builder/src/tarball.rs (build_tree).
 */
export class LayerTree {
  readonly tree: FileTree
  /** Directories, as nodes, that no entry has described so far. The root is one of them until it has an entry. */
  readonly invented = new Set<number>([ROOT])

  constructor(init: FileTreeInit) {
    this.tree = new FileTree(init)
  }

  /**
   * Lets `names`, a path, stand for `inode` and returns its node. Children of a directory stay when it is replaced by
   * another. Throws FORMAT_INVALID for a path with `..` or through what is no directory, and as FileTree.add does.
   */
  put(names: readonly Uint8Array[], inode: number): number {
    const { tree } = this
    const name = names.at(-1)
    const directory = isDirectory(tree.inodes.mode(inode))
    if (name === undefined) {
      if (!directory) throw this.#invalid('the root is no directory')
      this.invented.delete(ROOT)
      tree.setInode(ROOT, inode)
      return ROOT
    }
    const parent = this.#parentOf(names)
    const node = tree.lookup(parent, name)
    if (node === NONE) return tree.add(parent, name, inode)
    if (!directory) tree.clear(node)
    this.invented.delete(node)
    tree.setInode(node, inode)
    return node
  }

  /**
   * Lets `names` be a further name of the file at `target`, and returns the node. Throws FORMAT_INVALID where there is no
   * file: hard links do not span layers.
   */
  link(names: readonly Uint8Array[], target: readonly Uint8Array[]): number {
    const node = this.find(target)
    if (node === NONE || !isRegular(this.tree.mode(node))) {
      throw this.#invalid(
        `a hard link ${shown(names)} to ${shown(target)}, which is no file of the layer`,
      )
    }
    return this.put(names, this.tree.inodeOf(node))
  }

  /** The node at a path, or NONE. */
  find(names: readonly Uint8Array[]): number {
    let node = ROOT
    for (const name of names) {
      node = this.tree.lookup(node, name)
      if (node === NONE) return NONE
    }
    return node
  }

  #parentOf(names: readonly Uint8Array[]): number {
    let node = ROOT
    for (const name of names.slice(0, -1)) {
      const next = this.tree.lookup(node, name)
      if (next === NONE) {
        node = this.tree.add(node, name, this.tree.inodes.add(INVENTED))
        this.invented.add(node)
      } else node = next
      if (!isDirectory(this.tree.mode(node))) {
        throw this.#invalid(
          `${shown(names)} goes through ${this.tree.pathOf(node)}, which is no directory`,
        )
      }
    }
    return node
  }

  #invalid(problem: string): AccelError {
    return new AccelError('FORMAT_INVALID', {
      what: this.tree.what,
      format: 'file tree',
      offset: 0,
      problem,
    })
  }
}

/** What a directory without entry is given. */
const INVENTED = {
  mode: S_IFDIR | 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNanoseconds: 0,
  xattrSet: 0,
}

function shown(names: readonly Uint8Array[]): string {
  return `/${names.map((name) => Buffer.from(name).toString('utf8')).join('/')}`
}
