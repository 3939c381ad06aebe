/** The file system of a Nydus bootstrap, changed by path and written again as the same writer would. */
import { rafsOf, versionOf, type RafsVersion } from '../../drivers/nydus/rafs.ts'
import { SuperFlags } from '../../formats/nydus-blob/algorithm.ts'
import type { Chunk } from '../../formats/nydus-tree/chunk-store.ts'
import { NONE, ROOT, type FileTree } from '../../formats/nydus-tree/file-tree.ts'
import type { InodeAttributes } from '../../formats/nydus-tree/inode-table.ts'
import { readRafsV5 } from '../../formats/rafs-v5/read.ts'
import { readRafsV6 } from '../../formats/rafs-v6/read.ts'

/** A tree, by paths without a slash in front. */
export class EditedTree {
  readonly tree: FileTree

  constructor(tree: FileTree) {
    this.tree = tree
  }

  node(path: string): number {
    let node = ROOT
    for (const name of path.split('/')) node = this.tree.lookup(node, Buffer.from(name))
    if (node === NONE) throw new Error(`no ${path}`)
    return node
  }

  inode(path: string): number {
    return this.tree.inodeOf(this.node(path))
  }

  attributes(inode: number): InodeAttributes {
    const { inodes } = this.tree
    return {
      mode: inodes.mode(inode),
      uid: inodes.uid(inode),
      gid: inodes.gid(inode),
      mtime: inodes.mtime(inode),
      mtimeNanoseconds: inodes.mtimeNanoseconds(inode),
      xattrSet: inodes.xattrSet(inode),
    }
  }

  set(path: string, change: Partial<InodeAttributes>): void {
    const inode = this.inode(path)
    this.tree.inodes.setAttributes(inode, { ...this.attributes(inode), ...change })
  }

  setXattrs(path: string, xattrs: Record<string, string>): void {
    const list = Object.entries(xattrs).map(([name, value]) => ({
      name: Buffer.from(name),
      value: Buffer.from(value),
    }))
    this.set(path, { xattrSet: this.tree.inodes.xattrs.add(list, 'the test') })
  }

  remove(path: string): void {
    this.tree.remove(this.node(path))
  }

  /** Adds a name for an inode. */
  add(path: string, inode: number): number {
    const slash = path.lastIndexOf('/')
    const parent = slash < 0 ? ROOT : this.node(path.slice(0, slash))
    return this.tree.add(parent, Buffer.from(path.slice(slash + 1)), inode)
  }

  rename(path: string, to: string): void {
    const inode = this.inode(path)
    this.remove(path)
    this.add(to, inode)
  }

  /** Lets a name stand for a new inode that is as its own was, but for `change`. */
  replaceInode(path: string, change: Partial<InodeAttributes> = {}): void {
    const { inodes } = this.tree
    const old = this.inode(path)
    const made = inodes.add({ ...this.attributes(old), ...change })
    if (change.mode === undefined) inodes.setContent(made, inodes.sizeOf(old), this.chunks(path))
    this.tree.setInode(this.node(path), made)
  }

  /** Ids of the chunks of a file. */
  chunks(path: string): number[] {
    const { inodes } = this.tree
    const inode = this.inode(path)
    return Array.from({ length: inodes.chunkCount(inode) }, (_, i) => inodes.chunkAt(inode, i))
  }

  setChunks(path: string, ids: number[]): void {
    const { inodes } = this.tree
    const inode = this.inode(path)
    inodes.setContent(inode, inodes.sizeOf(inode), ids)
  }

  /** Replaces what is said of one chunk of a file. */
  changeChunk(path: string, position: number, change: Partial<Chunk>): void {
    const ids = this.chunks(path)
    const { chunks } = this.tree.inodes
    ids[position] = chunks.add({ ...chunks.get(ids[position]!), ...change })
    this.setChunks(path, ids)
  }
}

/** The bytes of a bootstrap after a change of its tree. */
export function rewritten(bytes: Uint8Array, change: (tree: EditedTree) => void): Buffer {
  const version: RafsVersion = versionOf(bytes)!
  const what = 'the bootstrap'
  const read = version === 5 ? readRafsV5(bytes, { what }) : readRafsV6(bytes, { what })
  const { tree, blobs, compressor, digester, prefetch } = read
  const flags = 'extended' in read ? read.extended.flagsLow : read.superblock.flagsLow
  change(new EditedTree(tree))
  const plan = rafsOf(version).write(tree, {
    blobs,
    compressor,
    digester,
    xattrs: (flags & SuperFlags.hasXattr) !== 0,
    prefetch,
  })
  return Buffer.concat([...plan.pieces()].map((piece) => new Uint8Array(piece)))
}
