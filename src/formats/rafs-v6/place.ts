import { AccelError } from '../../errors/accel-error.ts'
import { directorySize } from '../erofs/directory.ts'
import { MAX_SYMLINK_SIZE } from '../erofs/image.ts'
import { ErofsInodeExtended, SLOT_SIZE } from '../erofs/layout.ts'
import { MAX_XATTR_AREA, xattrAreaSize } from '../erofs/xattr.ts'
import { alignUp } from '../../bytes/layout.ts'
import { isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import type { FileTree } from '../nydus-tree/file-tree.ts'
import type { Numbering } from '../nydus-tree/numbering.ts'
import { BlockAllocator } from './block-allocator.ts'
import { BLOCK_SIZE } from './layout.ts'
import { StoredEntries } from './stored-entries.ts'

/** Where everything of a tree stands in the metadata area: 9 bytes a name. */
export interface Placement {
  /** By position: the slot of the inode, which is its nid. */
  readonly nid: Uint32Array
  /** By position, for directories and symlinks: block of their data, relative to the area. */
  readonly dataBlock: Uint32Array
  /** By position: 1 where there are blocks besides what is behind the inode. */
  readonly hasBlocks: Uint8Array
  /** Bytes of the area, its empty first block included. */
  readonly size: number
}

/** Slots of the largest area that is written: 16 GiB, some 80 million files. */
const MAX_SLOTS = 2 ** 29

/** Places every inode of `tree`. Throws FORMAT_LIMIT_EXCEEDED and FORMAT_INVALID for what EROFS cannot hold. */
export function placeTree(tree: FileTree, numbering: Numbering): Placement {
  const placer = new Placer(tree, numbering)
  const waiting = [0]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    placer.placeDirectory(at)
    const first = numbering.firstChild[at] as number
    const end = first + (numbering.childCount[at] as number)
    for (let child = first; child < end; child++) placer.placeChild(child)
    let directories = numbering.childDirectories[at] as number
    for (let child = end - 1; directories > 0; child--) {
      if (!isDirectory(tree.mode(numbering.node[child] as number))) continue
      waiting.push(child)
      directories--
    }
  }
  return placer.placement()
}

class Placer {
  readonly #tree: FileTree
  readonly #numbering: Numbering
  readonly #nid: Uint32Array
  readonly #dataBlock: Uint32Array
  readonly #hasBlocks: Uint8Array
  readonly #allocator = new BlockAllocator()
  readonly #entries: StoredEntries
  /** By attribute set. */
  readonly #xattrSizes: readonly number[]

  constructor(tree: FileTree, numbering: Numbering) {
    this.#tree = tree
    this.#numbering = numbering
    this.#nid = new Uint32Array(numbering.count)
    this.#dataBlock = new Uint32Array(numbering.count)
    this.#hasBlocks = new Uint8Array(numbering.count)
    this.#entries = new StoredEntries(tree, numbering, this.#nid)
    this.#xattrSizes = xattrSizesOf(tree)
  }

  placeDirectory(position: number): void {
    this.#entries.open(position)
    const inode = this.#tree.inodeOf(this.#numbering.node[position] as number)
    this.#placeWithData(position, inode, directorySize(this.#entries, BLOCK_SIZE))
    if (this.#allocator.position / SLOT_SIZE > MAX_SLOTS) {
      throw limit(this.#tree, 'a size in bytes', this.#allocator.position, MAX_SLOTS * SLOT_SIZE)
    }
  }

  /** Places all but directories. */
  placeChild(position: number): void {
    const { inodes } = this.#tree
    const inode = this.#tree.inodeOf(this.#numbering.node[position] as number)
    const mode = inodes.mode(inode)
    if (isDirectory(mode)) return
    if (isRegular(mode)) {
      const first = this.#numbering.firstName[inode] as number
      if (first === position) {
        const size = alignUp(this.#inodeSize(inode), 8) + 8 * inodes.chunkCount(inode)
        this.#nid[position] = this.#allocator.placeFile(size) / SLOT_SIZE
      } else this.#nid[position] = this.#nid[first] as number
    } else if (isSymlink(mode)) {
      checkSymlink(this.#tree, this.#numbering, position)
      this.#placeWithData(position, inode, inodes.sizeOf(inode))
    } else {
      this.#nid[position] = this.#allocator.placeSpecial(this.#inodeSize(inode)) / SLOT_SIZE
    }
  }

  placement(): Placement {
    const size = alignUp(this.#allocator.position, BLOCK_SIZE)
    return { nid: this.#nid, dataBlock: this.#dataBlock, hasBlocks: this.#hasBlocks, size }
  }

  #placeWithData(position: number, inode: number, size: number): void {
    const place = this.#allocator.placeWithData(this.#inodeSize(inode), size)
    this.#hasBlocks[position] = place.inline && size < BLOCK_SIZE ? 0 : 1
    this.#nid[position] = place.inode / SLOT_SIZE
    this.#dataBlock[position] = Math.floor(place.data / BLOCK_SIZE)
  }

  #inodeSize(inode: number): number {
    const set = this.#tree.inodes.xattrSet(inode)
    return ErofsInodeExtended.size + (this.#xattrSizes[set] as number)
  }
}

function xattrSizesOf(tree: FileTree): number[] {
  const { xattrs } = tree.inodes
  return Array.from({ length: xattrs.count + 1 }, (_, set) => {
    const size = xattrAreaSize(xattrs.get(set))
    if (size > MAX_XATTR_AREA) {
      throw limit(tree, 'bytes of attributes on one file', size, MAX_XATTR_AREA)
    }
    return size
  })
}

function checkSymlink(tree: FileTree, numbering: Numbering, position: number): void {
  const node = numbering.node[position] as number
  const size = tree.inodes.sizeOf(tree.inodeOf(node))
  if (size > MAX_SYMLINK_SIZE) {
    throw limit(tree, `bytes of the target of ${tree.pathOf(node)}`, size, MAX_SYMLINK_SIZE)
  }
  if (size === 0) {
    throw new AccelError('FORMAT_INVALID', {
      what: tree.what,
      format: 'RAFS v6 bootstrap',
      offset: 0,
      problem: `the symlink ${tree.pathOf(node)} has no target`,
    })
  }
}

function limit(tree: FileTree, name: string, value: number, max: number): AccelError {
  const context = { what: tree.what, format: 'RAFS v6 bootstrap', limit: name, value, max }
  return new AccelError('FORMAT_LIMIT_EXCEEDED', context)
}
