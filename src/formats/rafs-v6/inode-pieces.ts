import { alignUp, viewOf } from '../../bytes/layout.ts'
import { type DirectoryEntry, encodeDirectory, fileTypeOf } from '../erofs/directory.ts'
import {
  CHUNK_BASED,
  CHUNK_INDEXES,
  ErofsChunkIndex,
  ErofsInodeExtended,
  FLAT_INLINE,
  FLAT_PLAIN,
  SLOT_SIZE,
} from '../erofs/layout.ts'
import { encodeXattrs, xattrCountOf } from '../erofs/xattr.ts'
import { isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import { inodePosition, nlinkOf } from '../nydus-tree/numbering.ts'
import { isInline } from './block-allocator.ts'
import { BLOCK_SIZE, packChunkAddress } from './layout.ts'
import { forEachEntry } from './place.ts'
import type { RafsV6Plan } from './plan.ts'

interface Piece {
  offset: number
  bytes: Uint8Array
}

/** Largest extent of a chunk format: its exponent has 5 bits. */
const MAX_EXTENT = BLOCK_SIZE * 2 ** 31

/** Factor between slot and what is sorted: room for 2^23 positions, inode and data apart. */
const KEY_UNIT = 2 ** 24

/**
 * The inodes with all that follows them, and the blocks of directories and symlinks, in the order in which they stand
 * in the file. They were placed in another order, so places are sorted first: 8 bytes a piece.
 */
export function* inodePieces(plan: RafsV6Plan): Generator<Piece> {
  const encoder = new InodeEncoder(plan)
  for (const key of sortedKeys(plan)) {
    const id = key % KEY_UNIT
    const position = id >>> 1
    yield (id & 1) === 0 ? encoder.inode(position) : encoder.data(position)
  }
}

function sortedKeys({ tree, numbering, placement }: RafsV6Plan): Float64Array {
  const keys = new Float64Array(numbering.count * 2)
  let used = 0
  for (let position = 0; position < numbering.count; position++) {
    if (inodePosition(tree, numbering, position) !== position) continue
    keys[used++] = (placement.nid[position] as number) * KEY_UNIT + position * 2
    if (placement.hasBlocks[position] === 1) {
      const slot = (placement.dataBlock[position] as number) * (BLOCK_SIZE / SLOT_SIZE)
      keys[used++] = slot * KEY_UNIT + position * 2 + 1
    }
  }
  return keys.subarray(0, used).sort()
}

/** Memory that is used again and again: what was taken is copied out before the next is. */
class Scratch {
  #bytes = new Uint8Array(4096)
  #view = viewOf(this.#bytes)

  /** `size` zeros, and a view that begins with them. */
  take(size: number): { bytes: Uint8Array; view: DataView } {
    if (size > this.#bytes.length) {
      this.#bytes = new Uint8Array(size * 2)
      this.#view = viewOf(this.#bytes)
    }
    return { bytes: this.#bytes.subarray(0, size).fill(0), view: this.#view }
  }
}

class InodeEncoder {
  readonly #plan: RafsV6Plan
  /** By attribute set. */
  readonly #xattrs: Uint8Array[]

  readonly #pieces = new Scratch()
  readonly #indexes = new Scratch()

  constructor(plan: RafsV6Plan) {
    this.#plan = plan
    const { xattrs } = plan.tree.inodes
    this.#xattrs = Array.from({ length: xattrs.count + 1 }, (_, set) =>
      encodeXattrs(xattrs.get(set)),
    )
  }

  /** An inode, its attributes, and its inline tail or chunk indexes. */
  inode(position: number): Piece {
    const { tree, numbering, placement, metaOffset } = this.#plan
    const { inodes } = tree
    const inode = tree.inodeOf(numbering.node[position] as number)
    const mode = inodes.mode(inode)
    const xattrs = this.#xattrs[inodes.xattrSet(inode)] as Uint8Array
    const end = ErofsInodeExtended.size + xattrs.length
    const content = this.#content(position, inode, mode, end)
    const { bytes, view } = this.#pieces.take(content.at + content.bytes.length)
    ErofsInodeExtended.encode(view, 0, {
      format: 1 | (content.dataLayout << 1),
      xattrCount: xattrCountOf(xattrs.length),
      mode,
      size: content.size,
      union: content.union,
      ino: position + 1,
      uid: inodes.uid(inode),
      gid: inodes.gid(inode),
      mtime: inodes.mtime(inode),
      mtimeNsec: inodes.mtimeNanoseconds(inode),
      nlink: nlinkOf(tree, numbering, position),
    })
    bytes.set(xattrs, ErofsInodeExtended.size)
    bytes.set(content.bytes, content.at)
    return { offset: metaOffset + (placement.nid[position] as number) * SLOT_SIZE, bytes }
  }

  /** The blocks of a directory or symlink: what of its data is not behind its inode. */
  data(position: number): Piece {
    const { placement, metaOffset } = this.#plan
    const { bytes, tail } = this.#split(position)
    const offset = metaOffset + (placement.dataBlock[position] as number) * BLOCK_SIZE
    return { offset, bytes: bytes.subarray(0, bytes.length - tail) }
  }

  /** What of an inode depends on its type; `at` is where `bytes` stand behind the inode's start. */
  #content(position: number, inode: number, mode: number, end: number) {
    const { tree, placement, metaOffset } = this.#plan
    const { inodes } = tree
    if (isRegular(mode)) {
      const { union, bytes } = this.#chunkIndexes(inode)
      const at = bytes.length === 0 ? end : alignUp(end, 8)
      return { dataLayout: CHUNK_BASED, size: inodes.sizeOf(inode), union, at, bytes }
    }
    if (isDirectory(mode) || isSymlink(mode)) {
      const { bytes, tail } = this.#split(position)
      // The address is written even where all data is inline and nobody reads it, as nydus does.
      const union = metaOffset / BLOCK_SIZE + (placement.dataBlock[position] as number)
      const dataLayout = isInline(end, bytes.length) ? FLAT_INLINE : FLAT_PLAIN
      return {
        dataLayout,
        size: bytes.length,
        union,
        at: end,
        bytes: bytes.subarray(bytes.length - tail),
      }
    }
    const union = inodes.device(inode)
    return { dataLayout: FLAT_PLAIN, size: 0, union, at: end, bytes: new Uint8Array() }
  }

  /** The data of a directory or symlink, and how many of its last bytes are inline. */
  #split(position: number): { bytes: Uint8Array; tail: number } {
    const { tree, numbering } = this.#plan
    const inode = tree.inodeOf(numbering.node[position] as number)
    const bytes = isSymlink(tree.inodes.mode(inode))
      ? tree.inodes.target(inode)
      : this.#directory(position)
    const inodeSize =
      ErofsInodeExtended.size + (this.#xattrs[tree.inodes.xattrSet(inode)] as Uint8Array).length
    return { bytes, tail: isInline(inodeSize, bytes.length) ? bytes.length % BLOCK_SIZE : 0 }
  }

  #directory(position: number): Uint8Array {
    const { tree, numbering, placement } = this.#plan
    const entries: DirectoryEntry[] = []
    forEachEntry(tree, numbering, position, (name, target) => {
      const fileType = fileTypeOf(tree.mode(numbering.node[target] as number))
      entries.push({ name, nid: placement.nid[target] as number, fileType })
    })
    return encodeDirectory(entries, BLOCK_SIZE)
  }

  #chunkIndexes(inode: number): { union: number; bytes: Uint8Array } {
    const { inodes } = this.#plan.tree
    const { chunks, chunkSize } = inodes
    const count = inodes.chunkCount(inode)
    const { bytes, view } = this.#indexes.take(count * ErofsChunkIndex.size)
    let inOnePiece = true
    for (let i = 0; i < count; i++) {
      const id = inodes.chunkAt(inode, i)
      const [blobIndex, offset] = [chunks.blobIndexOf(id), chunks.uncompressedOffsetOf(id)]
      const blkaddr = offset / BLOCK_SIZE
      ErofsChunkIndex.encode(
        view,
        i * ErofsChunkIndex.size,
        packChunkAddress({ blobIndex, index: chunks.indexOf(id), blkaddr }),
      )
      if (i === 0) continue
      const before = inodes.chunkAt(inode, i - 1)
      inOnePiece &&=
        chunks.blobIndexOf(before) === blobIndex &&
        chunks.uncompressedOffsetOf(before) + chunkSize === offset
    }
    // A file in one piece is one extent to the kernel, which can then share its pages.
    const size = inodes.sizeOf(inode)
    const extent =
      inOnePiece && size > chunkSize && size <= MAX_EXTENT
        ? 2 ** Math.ceil(Math.log2(size))
        : chunkSize
    return { union: CHUNK_INDEXES | Math.log2(extent / BLOCK_SIZE), bytes }
  }
}
