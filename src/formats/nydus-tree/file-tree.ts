import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import { ByteArena } from './column.ts'
import { isDirectory, S_IFDIR } from './file-mode.ts'
import { isName, MAX_NAME_SIZE } from './file-name.ts'
import { InodeTable } from './inode-table.ts'
import { sortByBytes } from './name-order.ts'
import { Records } from './records.ts'

/** Names that one tree may hold, removed ones included, unless the caller says less: about 1.5 GB of memory. */
export const MAX_NODES = 0x80_0000

/** The node of the root directory, in every tree. */
export const ROOT = 0

/** No node: what `lookup` returns for a name that is not there. */
export const NONE = 0xffff_ffff

/** Words of the record of a node. */
const RECORD_WORDS = 5
const PARENT = 0
const INODE = 1
/** Where its length byte is among the names. */
const NAME = 2
const FIRST_CHILD = 3
const NEXT_SIBLING = 4

/** Children that are sorted by moving each to its place; most come in order. */
const FEW = 32

/** What a tree is made for. */
export interface FileTreeInit {
  /** Names the image and layer in messages. */
  what: string
  /** Bytes of a chunk. @default 1 MiB */
  chunkSize?: number
  /** @default MAX_NODES */
  maxNodes?: number
}

/**
 * A file system in memory, independent of the format that it is read from or written in. A *node* is a name in a
 * directory; it refers to an *inode*, and nodes with one inode are hard links of each other. Both are numbers, and
 * all that is known of them stands in typed arrays: about 45 bytes a node (a name of 16 bytes included, and 6 to 12 for
 * who looks names up) and 40 an inode.
 */
export class FileTree {
  readonly inodes: InodeTable
  readonly what: string
  readonly #maxNodes: number
  readonly #nodes = new Records(RECORD_WORDS)
  /** Length byte and bytes of every name. */
  readonly #names = new ByteArena()
  /** Open addressing over (parent, name): node + 1, or 0 where a place is free. Made when a name is first looked up. */
  #index: Uint32Array | undefined = undefined
  // The hash is not secret from who makes a layer; a seed of its own keeps prepared collisions from working twice.
  readonly #seed = Math.floor(Math.random() * 0x1_0000_0000)
  #removed = 0

  /** A tree with nothing but a root directory: mode 0755, owner 0:0, mtime 0. */
  constructor(init: FileTreeInit) {
    this.what = init.what
    this.#maxNodes = init.maxNodes ?? MAX_NODES
    this.inodes = new InodeTable(init.what, init.chunkSize ?? 0x10_0000)
    const root = {
      mode: S_IFDIR | 0o755,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNanoseconds: 0,
      xattrSet: 0,
    }
    this.#push(ROOT, this.inodes.add(root), new Uint8Array())
  }

  /** Names ever added, the root and removed ones included. Nodes are numbered below this. */
  get nodeCount(): number {
    return this.#nodes.length
  }

  /** Names that are there now, the root included. */
  get liveCount(): number {
    return this.nodeCount - this.#removed
  }

  /** Bytes reserved for everything. */
  get size(): number {
    const index = this.#index?.byteLength ?? 0
    return this.#nodes.size + this.#names.size + index + this.inodes.size
  }

  /** The child of `parent` called `name`, or NONE. */
  lookup(parent: number, name: Uint8Array): number {
    const index = this.#index ?? this.#rebuild()
    const mask = index.length - 1
    for (let at = this.#hash(parent, name) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const node = (index[at] as number) - 1
      if (
        this.#nodes.get(node, PARENT) === parent &&
        this.#names.holds(this.#nodes.get(node, NAME), name)
      )
        return node
    }
    return NONE
  }

  /**
   * Adds a name to the directory `parent`, which has none such, and returns its node.
   * Throws FORMAT_INVALID for a name that no file can have, FORMAT_LIMIT_EXCEEDED for one too long or too many.
   */
  add(parent: number, name: Uint8Array, inode: number): number {
    this.#check(name)
    assert(isDirectory(this.mode(parent)), 'names are added to directories')
    const node = this.#push(parent, inode, name)
    this.#nodes.set(node, NEXT_SIBLING, this.#nodes.get(parent, FIRST_CHILD))
    this.#nodes.set(parent, FIRST_CHILD, node)
    if (this.#index === undefined) return node
    if (node * 3 > this.#index.length * 2) this.#rebuild()
    else this.#place(this.#index, node, this.#hash(parent, name))
    return node
  }

  /** Lets the name stand for another inode; children stay, so that a directory can take over the names of another. */
  setInode(node: number, inode: number): void {
    this.#nodes.set(node, INODE, inode)
  }

  /** Takes a name, and all below it, out of the tree. The root stays. */
  remove(node: number): void {
    assert.notEqual(node, ROOT)
    this.#forget(node)
  }

  /** Takes everything out of a directory; the directory stays. */
  clear(directory: number): void {
    for (const child of this.#childrenOf(directory)) this.#forget(child)
    this.#nodes.set(directory, FIRST_CHILD, NONE)
  }

  inodeOf(node: number): number {
    return this.#nodes.get(node, INODE)
  }

  parentOf(node: number): number {
    return this.#nodes.get(node, PARENT)
  }

  mode(node: number): number {
    return this.inodes.mode(this.#nodes.get(node, INODE))
  }

  /** The bytes of a name: a view, valid until the next `add`. The root's is empty. */
  nameOf(node: number): Uint8Array {
    return this.#names.viewSized(this.#nodes.get(node, NAME))
  }

  nameSizeOf(node: number): number {
    return this.#names.byteAt(this.#nodes.get(node, NAME))
  }

  /** The byte at `position` of a name, 0 behind its end. */
  nameByteOf(node: number, position: number): number {
    const at = this.#nodes.get(node, NAME)
    return position < this.#names.byteAt(at) ? this.#names.byteAt(at + 1 + position) : 0
  }

  /** Copies a name to `target` from `at` on. */
  copyName(node: number, target: Uint8Array, at: number): void {
    this.#names.copySized(this.#nodes.get(node, NAME), target, at)
  }

  /** The path from the root, beginning with `/`, for messages: bytes that are not UTF-8 are replaced. */
  pathOf(node: number): string {
    let path = ''
    for (let at = node; at !== ROOT && at !== NONE; at = this.#nodes.get(at, PARENT)) {
      path = `/${Buffer.from(this.nameOf(at)).toString('utf8')}${path}`
    }
    return path === '' ? '/' : path
  }

  /** The path that a name in the directory `parent` has, or would have. */
  pathBelow(parent: number, name: Uint8Array): string {
    const above = this.pathOf(parent)
    return `${above === '/' ? '' : above}/${Buffer.from(name).toString('utf8')}`
  }

  /** The children of a node, sorted by name bytes. */
  children(node: number): Uint32Array {
    const children = this.#childrenOf(node)
    const few = children.length < FEW
    for (let i = 1; i < children.length; i++) {
      const child = children[i] as number
      let to = i
      while (to > 0 && this.#compareNames(children[to - 1] as number, child) > 0) {
        if (!few) {
          sortByBytes(children, (one) => this.nameOf(one))
          return children
        }
        children[to] = children[to - 1] as number
        to--
      }
      children[to] = child
    }
    return children
  }

  /** In the order in which they were added. Removed nodes stay in their chain of siblings and are passed over. */
  #childrenOf(node: number): Uint32Array {
    const nodes = this.#nodes
    let count = 0
    for (let at = nodes.get(node, FIRST_CHILD); at !== NONE; at = nodes.get(at, NEXT_SIBLING)) {
      if (nodes.get(at, PARENT) === node) count++
    }
    const children = new Uint32Array(count)
    for (let at = nodes.get(node, FIRST_CHILD); at !== NONE; at = nodes.get(at, NEXT_SIBLING)) {
      if (nodes.get(at, PARENT) === node) children[--count] = at
    }
    return children
  }

  #compareNames(a: number, b: number): number {
    return this.#names.compareSized(this.#nodes.get(a, NAME), this.#nodes.get(b, NAME))
  }

  #check(name: Uint8Array): void {
    if (name.length > MAX_NAME_SIZE) {
      throw this.#limit('a name of bytes', name.length, MAX_NAME_SIZE)
    }
    if (this.nodeCount >= this.#maxNodes) {
      throw this.#limit('a number of files', this.nodeCount + 1, this.#maxNodes)
    }
    if (!isName(name)) {
      throw new AccelError('FORMAT_INVALID', {
        what: this.what,
        format: 'file tree',
        offset: 0,
        problem: `a file cannot be called ${JSON.stringify(Buffer.from(name).toString('latin1'))}`,
      })
    }
  }

  #limit(limit: string, value: number, max: number): AccelError {
    return new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what: this.what,
      format: 'file tree',
      limit,
      value,
      max,
    })
  }

  #push(parent: number, inode: number, name: Uint8Array): number {
    const nodes = this.#nodes
    const node = nodes.add()
    nodes.set(node, PARENT, parent)
    nodes.set(node, INODE, inode)
    nodes.set(node, NAME, this.#names.addSized(name))
    nodes.set(node, FIRST_CHILD, NONE)
    nodes.set(node, NEXT_SIBLING, NONE)
    return node
  }

  /** Makes a subtree unfindable. Its places in the arrays are not used again. */
  #forget(top: number): void {
    const waiting = [top]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (const child of this.#childrenOf(node)) waiting.push(child)
      this.#nodes.set(node, FIRST_CHILD, NONE)
      this.#nodes.set(node, PARENT, NONE)
      this.#removed++
    }
  }

  #hash(parent: number, name: Uint8Array): number {
    let hash = Math.imul(this.#seed ^ parent, 0x85eb_ca6b)
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ (name[i] as number), 0x0100_0193)
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35)
    return (hash ^ (hash >>> 13)) >>> 0
  }

  #place(index: Uint32Array, node: number, hash: number): void {
    const mask = index.length - 1
    let at = hash & mask
    while (index[at] !== 0) at = (at + 1) & mask
    index[at] = node + 1
  }

  #rebuild(): Uint32Array {
    let length = 1024
    while (this.nodeCount * 3 > length * 2) length *= 2
    const index = new Uint32Array(length)
    for (let node = 1; node < this.nodeCount; node++) {
      const parent = this.#nodes.get(node, PARENT)
      if (parent !== NONE) this.#place(index, node, this.#hash(parent, this.nameOf(node)))
    }
    this.#index = index
    return index
  }
}
