import { AccelError } from '../../errors/accel-error.ts'
import { DirectorySizer } from '../erofs/directory.ts'
import { MAX_SYMLINK_SIZE } from '../erofs/image.ts'
import { ErofsInodeExtended, SLOT_SIZE } from '../erofs/layout.ts'
import { MAX_XATTR_AREA, xattrAreaSize } from '../erofs/xattr.ts'
import { alignUp } from '../../bytes/layout.ts'
import { isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import type { FileTree } from '../nydus-tree/file-tree.ts'
import { compareBytes } from '../nydus-tree/name-order.ts'
import { inodePosition, type Numbering } from '../nydus-tree/numbering.ts'
import { BlockAllocator } from './block-allocator.ts'
import { BLOCK_SIZE } from './layout.ts'

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

const DOT = Uint8Array.of(0x2e)
const DOT_DOT = Uint8Array.of(0x2e, 0x2e)

/** Places every inode of `tree`. Throws FORMAT_LIMIT_EXCEEDED and FORMAT_INVALID for what EROFS cannot hold. */
export function placeTree(tree: FileTree, numbering: Numbering): Placement {
  const nid = new Uint32Array(numbering.count)
  const dataBlock = new Uint32Array(numbering.count)
  const hasBlocks = new Uint8Array(numbering.count)
  const allocator = new BlockAllocator()
  const xattrSizes = xattrSizesOf(tree)

  const inodeSize = (position: number): number => {
    const set = tree.inodes.xattrSet(tree.inodeOf(numbering.node[position] as number))
    return ErofsInodeExtended.size + (xattrSizes[set] as number)
  }
  const placeWithData = (position: number, size: number): void => {
    const place = allocator.placeWithData(inodeSize(position), size)
    hasBlocks[position] = place.inline && size < BLOCK_SIZE ? 0 : 1
    nid[position] = place.inode / SLOT_SIZE
    dataBlock[position] = Math.floor(place.data / BLOCK_SIZE)
  }
  const placeChild = (position: number): void => {
    const inode = tree.inodeOf(numbering.node[position] as number)
    const mode = tree.inodes.mode(inode)
    if (isRegular(mode)) {
      const first = inodePosition(tree, numbering, position)
      const size = alignUp(inodeSize(position), 8) + 8 * tree.inodes.chunkCount(inode)
      nid[position] =
        first === position ? allocator.placeFile(size) / SLOT_SIZE : (nid[first] as number)
    } else if (isSymlink(mode)) {
      checkSymlink(tree, numbering, position)
      placeWithData(position, tree.inodes.sizeOf(inode))
    } else nid[position] = allocator.placeSpecial(inodeSize(position)) / SLOT_SIZE
  }

  const waiting = [0]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    placeWithData(at, directorySize(tree, numbering, at))
    const first = numbering.firstChild[at] as number
    const end = first + (numbering.childCount[at] as number)
    const directories: number[] = []
    for (let child = first; child < end; child++) {
      if (isDirectory(tree.mode(numbering.node[child] as number))) directories.push(child)
      else placeChild(child)
    }
    for (let i = directories.length - 1; i >= 0; i--) waiting.push(directories[i] as number)
    if (allocator.position / SLOT_SIZE > MAX_SLOTS) {
      throw limit(tree, 'a size in bytes', allocator.position, MAX_SLOTS * SLOT_SIZE)
    }
  }
  return { nid, dataBlock, hasBlocks, size: alignUp(allocator.position, BLOCK_SIZE) }
}

/** Bytes of a directory: dirents and names of its children, `.` and `..`. */
export function directorySize(tree: FileTree, numbering: Numbering, position: number): number {
  const sizer = new DirectorySizer(BLOCK_SIZE)
  forEachEntry(tree, numbering, position, (name) => sizer.add(name.length))
  return sizer.size
}

/**
 * Calls `entry` for every entry of a directory in the order of name bytes: `.` and `..` are sorted in, since names
 * such as `!x` and `-x` come before them.
 */
export function forEachEntry(
  tree: FileTree,
  numbering: Numbering,
  position: number,
  entry: (name: Uint8Array, target: number) => void,
): void {
  const dots = [
    { name: DOT, target: position },
    { name: DOT_DOT, target: numbering.parent[position] as number },
  ]
  const first = numbering.firstChild[position] as number
  const end = first + (numbering.childCount[position] as number)
  let next = dots.shift()
  for (let child = first; child < end; child++) {
    const name = tree.nameOf(numbering.node[child] as number)
    while (next !== undefined && compareBytes(next.name, name) < 0) {
      entry(next.name, next.target)
      next = dots.shift()
    }
    entry(name, child)
  }
  for (; next !== undefined; next = dots.shift()) entry(next.name, next.target)
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
