import { AccelError } from '../../errors/accel-error.ts'
import { isDirectory, S_IFDIR } from './file-mode.ts'
import { FileTree, type FileTreeInit, NONE, ROOT } from './file-tree.ts'
import { followPath } from './follow-path.ts'

/**
 * Builds the tree of one layer from entries in the order of its archive: parents that have no entry are invented, a
 * later entry for a path replaces an earlier one, and a path through a symlink of the layer goes where it leads.
 * Whiteouts are names like any other. Source: nydus
 * builder/src/tarball.rs (build_tree).
 */
export class LayerTree {
  readonly tree: FileTree
  /** Directories, as nodes, that no entry has described so far. The root is one of them until it has an entry. */
  readonly invented = new Set<number>([ROOT])
  /** How often a name has become a directory or ceased to be one: paths that were followed may lead elsewhere then. */
  turns = 0

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
    if (name !== undefined) return this.putIn(this.directoryOf(names), name, inode)
    if (!isDirectory(tree.inodes.mode(inode))) throw this.#invalid('the root is no directory')
    this.invented.delete(ROOT)
    tree.setInode(ROOT, inode)
    return ROOT
  }

  /** The same for `name` in the directory `parent`. */
  putIn(parent: number, name: Uint8Array, inode: number): number {
    const { tree } = this
    const node = tree.lookup(parent, name)
    if (node === NONE) return tree.add(parent, name, inode)
    const directory = isDirectory(tree.inodes.mode(inode))
    if (!directory) tree.clear(node)
    if (!(directory && isDirectory(tree.mode(node)))) this.turns++
    this.invented.delete(node)
    tree.setInode(node, inode)
    return node
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

  /** The names of the path of a node, from the root; copies. */
  namesOf(node: number): Uint8Array[] {
    const names: Uint8Array[] = []
    for (let at = node; at !== ROOT; at = this.tree.parentOf(at)) {
      names.unshift(new Uint8Array(this.tree.nameOf(at)))
    }
    return names
  }

  /** The directory that the last of `names`, a path, lies in; it is invented where there is none. Throws as `put`. */
  directoryOf(names: readonly Uint8Array[]): number {
    let node = ROOT
    for (const name of names.slice(0, -1)) {
      const next = this.tree.lookup(node, name)
      if (next === NONE) {
        node = this.tree.add(node, name, this.tree.inodes.add(INVENTED))
        this.invented.add(node)
      } else node = next
      if (!isDirectory(this.tree.mode(node))) {
        const meant = followPath(this.tree, [name], this.tree.parentOf(node))
        if (meant !== NONE) {
          node = meant
          continue
        }
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
