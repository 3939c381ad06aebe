import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import { ByteArena, Column } from './column.ts'
import { isDirectory, S_IFDIR } from './file-mode.ts'
import { isName, MAX_NAME_SIZE } from './file-name.ts'
import { InodeTable } from './inode-table.ts'
import { sortByBytes } from './name-order.ts'

/** Names that one tree may hold, removed ones included, unless the caller says less: about 1.5 GB of memory. */
export const MAX_NODES = 0x80_0000

/** The node of the root directory, in every tree. */
export const ROOT = 0

/** No node: what `lookup` returns for a name that is not there. */
export const NONE = 0xffff_ffff

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
 * all that is known of them stands in typed arrays: about 45 bytes a node (a name of 16 bytes included) and 40 an inode.
 */
export class FileTree {
  readonly inodes: InodeTable
  readonly what: string
  readonly #maxNodes: number
  readonly #parent = new Column(Uint32Array)
  readonly #inode = new Column(Uint32Array)
  readonly #name = new Column(Uint32Array)
  readonly #firstChild = new Column(Uint32Array)
  readonly #nextSibling = new Column(Uint32Array)
  /** Length byte and bytes of every name. */
  readonly #names = new ByteArena()
  /** Open addressing over (parent, name): node + 1, or 0 where a place is free. */
  #index = new Uint32Array(1024)
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
    return this.#parent.length
  }

  /** Names that are there now, the root included. */
  get liveCount(): number {
    return this.nodeCount - this.#removed
  }

  /** Bytes reserved for everything. */
  get size(): number {
    const columns = [this.#parent, this.#inode, this.#name, this.#firstChild, this.#nextSibling]
    const own = columns.reduce((sum, column) => sum + column.size, 0)
    return own + this.#names.size + this.#index.byteLength + this.inodes.size
  }

  /** The child of `parent` called `name`, or NONE. */
  lookup(parent: number, name: Uint8Array): number {
    const mask = this.#index.length - 1
    for (let at = this.#hash(parent, name) & mask; this.#index[at] !== 0; at = (at + 1) & mask) {
      const node = (this.#index[at] as number) - 1
      if (this.#parent.get(node) === parent && this.#isCalled(node, name)) return node
    }
    return NONE
  }

  /**
   * Adds a name to the directory `parent`, which has none such, and returns its node.
   * Throws FORMAT_INVALID for a name that no file can have, FORMAT_LIMIT_EXCEEDED for one too long or too many.
   */
  add(parent: number, name: Uint8Array, inode: number): number {
    this.#check(name)
    assert.ok(isDirectory(this.mode(parent)), 'names are added to directories')
    const node = this.#push(parent, inode, name)
    this.#nextSibling.set(node, this.#firstChild.get(parent))
    this.#firstChild.set(parent, node)
    if (node * 3 > this.#index.length * 2) this.#rebuild()
    else this.#place(node)
    return node
  }

  /** Lets the name stand for another inode; children stay, so that a directory can take over the names of another. */
  setInode(node: number, inode: number): void {
    this.#inode.set(node, inode)
  }

  /** Takes a name, and all below it, out of the tree. The root stays. */
  remove(node: number): void {
    assert.notEqual(node, ROOT)
    this.#forget(node)
  }

  /** Takes everything out of a directory; the directory stays. */
  clear(directory: number): void {
    for (const child of this.#childrenOf(directory)) this.#forget(child)
    this.#firstChild.set(directory, NONE)
  }

  inodeOf(node: number): number {
    return this.#inode.get(node)
  }

  parentOf(node: number): number {
    return this.#parent.get(node)
  }

  mode(node: number): number {
    return this.inodes.mode(this.#inode.get(node))
  }

  /** The bytes of a name: a view, valid until the next `add`. The root's is empty. */
  nameOf(node: number): Uint8Array {
    const at = this.#name.get(node)
    return this.#names.view(at + 1, this.#names.byteAt(at))
  }

  nameSizeOf(node: number): number {
    return this.#names.byteAt(this.#name.get(node))
  }

  /** The path from the root, beginning with `/`, for messages: bytes that are not UTF-8 are replaced. */
  pathOf(node: number): string {
    let path = ''
    for (let at = node; at !== ROOT && at !== NONE; at = this.#parent.get(at)) {
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
    sortByBytes(children, (child) => this.nameOf(child))
    return children
  }

  /** In no particular order. Removed nodes stay in their chain of siblings and are passed over. */
  #childrenOf(node: number): Uint32Array {
    let count = 0
    for (let at = this.#firstChild.get(node); at !== NONE; at = this.#nextSibling.get(at)) {
      if (this.#parent.get(at) === node) count++
    }
    const children = new Uint32Array(count)
    let position = 0
    for (let at = this.#firstChild.get(node); at !== NONE; at = this.#nextSibling.get(at)) {
      if (this.#parent.get(at) === node) children[position++] = at
    }
    return children
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
    this.#parent.push(parent)
    this.#inode.push(inode)
    this.#firstChild.push(NONE)
    this.#nextSibling.push(NONE)
    this.#name.push(this.#names.add(Uint8Array.of(name.length)))
    this.#names.add(name)
    return this.nodeCount - 1
  }

  /** Makes a subtree unfindable. Its places in the arrays are not used again. */
  #forget(top: number): void {
    const waiting = [top]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (const child of this.#childrenOf(node)) waiting.push(child)
      this.#firstChild.set(node, NONE)
      this.#parent.set(node, NONE)
      this.#removed++
    }
  }

  #isCalled(node: number, name: Uint8Array): boolean {
    const at = this.#name.get(node)
    if (this.#names.byteAt(at) !== name.length) return false
    for (let i = 0; i < name.length; i++) {
      if (this.#names.byteAt(at + 1 + i) !== name[i]) return false
    }
    return true
  }

  #hash(parent: number, name: Uint8Array): number {
    let hash = Math.imul(this.#seed ^ parent, 0x85eb_ca6b)
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ (name[i] as number), 0x0100_0193)
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35)
    return (hash ^ (hash >>> 13)) >>> 0
  }

  #place(node: number): void {
    const mask = this.#index.length - 1
    let at = this.#hash(this.#parent.get(node), this.nameOf(node)) & mask
    while (this.#index[at] !== 0) at = (at + 1) & mask
    this.#index[at] = node + 1
  }

  #rebuild(): void {
    this.#index = new Uint32Array(this.#index.length * 2)
    for (let node = 1; node < this.nodeCount; node++) {
      if (this.#parent.get(node) !== NONE) this.#place(node)
    }
  }
}
