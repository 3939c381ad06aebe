import { strict as assert } from 'node:assert'
import { isDirectory } from './file-mode.ts'
import { type FileTree, NONE, ROOT } from './file-tree.ts'
import type { InodeTable } from './inode-table.ts'

const WHITEOUT_PREFIX = Buffer.from('.wh.')
const OPAQUE = Buffer.from('.wh..wh..opq')

/** How a name of a layer acts on the layers below. Source: OCI image-spec layer.md, "Whiteouts". */
export type Whiteout = { kind: 'opaque' } | { kind: 'removal'; name: Uint8Array }

/** What `name` hides in the layers below, or undefined for an ordinary name. */
export function whiteoutOf(name: Uint8Array): Whiteout | undefined {
  for (let i = 0; i < WHITEOUT_PREFIX.length; i++)
    if (name[i] !== WHITEOUT_PREFIX[i]) return undefined
  if (OPAQUE.equals(name)) return { kind: 'opaque' }
  return { kind: 'removal', name: name.subarray(WHITEOUT_PREFIX.length) }
}

/** How `overlay` treats what the formats leave open. */
export interface OverlayInit {
  /** Blob index of the lower tree's table for each blob of the upper tree's. */
  blobIndexes: ArrayLike<number>
  /**
   * Directories of `upper` (nodes) that no entry of its tar described: where the lower tree has the directory, that stays;
   * anything else, a symlink to a directory too, gives way, as where the layer is unpacked by itself and put over the others
   * by an overlay. Without it the upper's always win, as in nydus.
   */
  invented?: ReadonlySet<number>
}

/**
 * Puts the layer `upper` over `lower` and applies its whiteouts; `upper` is left as it is. Whiteouts act on what
 * came from below only, wherever they stand in the layer; they never show in the result.
 * Source: OCI image-spec layer.md; nydus builder/src/core/tree.rs (merge_children).
 */
export function overlay(lower: FileTree, upper: FileTree, init: OverlayInit): void {
  assert.equal(lower.inodes.chunkSize, upper.inodes.chunkSize, 'layers of one chunk size')
  const copies = new InodeCopies(lower, upper, init.blobIndexes)
  const invented = init.invented ?? new Set<number>()
  if (!invented.has(ROOT)) lower.setInode(ROOT, copies.of(upper.inodeOf(ROOT)))

  // Directories of both trees, in turn. What is added to one that has just been made can hide nothing.
  const waiting = [ROOT, ROOT]
  const firstMade = lower.nodeCount
  while (waiting.length > 0) {
    const from = waiting.pop() as number
    const into = waiting.pop() as number
    const children = upper.children(from)
    const made = into >= firstMade
    applyWhiteouts(lower, into, upper, children)
    for (const child of children) {
      if (isWhiteout(upper, child)) continue
      const inode = upper.inodeOf(child)
      const directory = isDirectory(upper.inodes.mode(inode))
      const name = upper.nameOf(child)
      let node = made ? NONE : lower.lookup(into, name)
      if (node === NONE) node = lower.add(into, name, copies.of(inode))
      else if (!(invented.has(child) && isDirectory(lower.mode(node)))) {
        if (!directory) lower.clear(node)
        lower.setInode(node, copies.of(inode))
      }
      if (directory) waiting.push(node, child)
    }
  }
}

/** Takes out of the directory `into` what the whiteouts among `children` hide: all of it, or names. */
function applyWhiteouts(
  lower: FileTree,
  into: number,
  upper: FileTree,
  children: Uint32Array,
): void {
  const removed: Uint8Array[] = []
  for (const child of children) {
    if (!isWhiteout(upper, child)) continue
    const whiteout = whiteoutOf(upper.nameOf(child))
    if (whiteout?.kind === 'opaque') lower.clear(into)
    else if (whiteout !== undefined) removed.push(whiteout.name)
  }
  for (const name of removed) {
    const hidden = lower.lookup(into, name)
    if (hidden !== NONE) lower.remove(hidden)
  }
}

/** Tells whether a name begins as those of whiteouts do. */
function isWhiteout(tree: FileTree, node: number): boolean {
  for (let i = 0; i < WHITEOUT_PREFIX.length; i++) {
    if (tree.nameByteOf(node, i) !== WHITEOUT_PREFIX[i]) return false
  }
  return true
}

/** Removes the whiteouts of a lowest layer, which have nothing to hide, and returns how many there were. */
export function dropWhiteouts(tree: FileTree): number {
  const whiteouts: number[] = []
  const waiting = [ROOT]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const child of tree.children(node)) {
      if (isWhiteout(tree, child)) whiteouts.push(child)
      else if (isDirectory(tree.mode(child))) waiting.push(child)
    }
  }
  for (const node of whiteouts) tree.remove(node)
  return whiteouts.length
}

/** Copies inodes of `upper` into `lower`, each once, so that hard links of the layer stay hard links. */
class InodeCopies {
  readonly #from: InodeTable
  readonly #to: InodeTable
  readonly #blobIndexes: ArrayLike<number>
  /** Names the lower tree. */
  readonly #what: string
  /** By inode, chunk id and attribute set of `upper`: that of `lower` + 1, or 0. */
  readonly #inodes: Uint32Array
  readonly #chunks: Uint32Array
  readonly #sets: Uint32Array

  constructor(lower: FileTree, upper: FileTree, blobIndexes: ArrayLike<number>) {
    this.#from = upper.inodes
    this.#to = lower.inodes
    this.#what = lower.what
    this.#blobIndexes = blobIndexes
    this.#inodes = new Uint32Array(upper.inodes.length)
    this.#chunks = new Uint32Array(upper.inodes.chunks.length)
    this.#sets = new Uint32Array(upper.inodes.xattrs.count + 1)
    // the empty set
    this.#sets[0] = 1
  }

  /** The inode of `lower` that stands for `inode`. Throws FORMAT_LIMIT_EXCEEDED. */
  of(inode: number): number {
    const known = this.#inodes[inode] as number
    if (known !== 0) return known - 1
    const [from, to] = [this.#from, this.#to]
    const made = to.addFrom(from, inode, this.#set(from.xattrSet(inode)))
    const count = from.chunkCount(inode)
    if (count > 0) to.beginContent(made, from.sizeOf(inode))
    for (let i = 0; i < count; i++) to.addChunk(this.#chunk(from.chunkAt(inode, i)))
    this.#inodes[inode] = made + 1
    return made
  }

  #chunk(id: number): number {
    const known = this.#chunks[id] as number
    if (known !== 0) return known - 1
    const { chunks } = this.#from
    const blobIndex = this.#blobIndexes[chunks.blobIndexOf(id)]
    assert(blobIndex !== undefined, 'a blob of the layer without place')
    const made = this.#to.chunks.addFrom(chunks, id, blobIndex)
    this.#chunks[id] = made + 1
    return made
  }

  #set(id: number): number {
    const known = this.#sets[id] as number
    if (known !== 0) return known - 1
    const made = this.#to.xattrs.add(this.#from.xattrs.get(id), this.#what)
    this.#sets[id] = made + 1
    return made
  }
}
