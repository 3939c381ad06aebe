import { alignUp, viewOf } from '../../bytes/layout.ts'
import { type FileOrder, MAX_RECORD_SIZE } from '../../bytes/file-order.ts'
import { i64le, u64le } from '../../bytes/scalar.ts'
import { directorySize, encodeDirectory } from '../erofs/directory.ts'
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
import type { RecordTarget } from '../nydus-blob/chunk-record.ts'
import { isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import { inodePosition, nlinkOf } from '../nydus-tree/numbering.ts'
import { isInline } from './block-allocator.ts'
import { setChunkAddress } from './chunk-address.ts'
import { BLOCK_SIZE } from './layout.ts'
import type { RafsV6Plan } from './plan.ts'
import { StoredEntries } from './stored-entries.ts'

/** Largest extent of a chunk format: its exponent has 5 bits. */
const MAX_EXTENT = BLOCK_SIZE * 2 ** 31

const NOTHING = new Uint8Array()

/** Factor between slot and what is sorted: room for 2^23 positions, inode and data apart. */
const KEY_UNIT = 2 ** 24

/**
 * Writes the inodes with all that follows them, and the blocks of directories and symlinks, in the order in which they
 * stand in the file; gives its pieces as they are whole. They were placed in another order, so places are sorted first:
 * 8 bytes a piece.
 */
export function* writeInodes(plan: RafsV6Plan, file: FileOrder): Generator<Uint8Array> {
  const encoder = new InodeEncoder(plan)
  const { metaOffset, placement } = plan
  for (const key of sortedKeys(plan)) {
    const id = key % KEY_UNIT
    const position = id >>> 1
    if ((id & 1) === 1) {
      const offset = metaOffset + (placement.dataBlock[position] as number) * BLOCK_SIZE
      yield* file.put(offset, encoder.blocks(position))
      continue
    }
    const offset = metaOffset + (placement.nid[position] as number) * SLOT_SIZE
    const size = encoder.open(position)
    if (size > MAX_RECORD_SIZE) {
      const bytes = new Uint8Array(size)
      encoder.encode({ bytes, view: viewOf(bytes) }, 0)
      yield* file.put(offset, bytes)
    } else {
      encoder.encode(file, file.at(offset, size))
      if (file.hasWhole) yield* file.take()
    }
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

const FORMAT = ErofsInodeExtended.offsetOf('format')
const XATTR_COUNT = ErofsInodeExtended.offsetOf('xattrCount')
const MODE = ErofsInodeExtended.offsetOf('mode')
const SIZE = ErofsInodeExtended.offsetOf('size')
const UNION = ErofsInodeExtended.offsetOf('union')
const INO = ErofsInodeExtended.offsetOf('ino')
const UID = ErofsInodeExtended.offsetOf('uid')
const GID = ErofsInodeExtended.offsetOf('gid')
const MTIME = ErofsInodeExtended.offsetOf('mtime')
const MTIME_NSEC = ErofsInodeExtended.offsetOf('mtimeNsec')
const NLINK = ErofsInodeExtended.offsetOf('nlink')

/** Encodes one inode after another. */
class InodeEncoder {
  readonly #plan: RafsV6Plan
  /** By attribute set. */
  readonly #xattrs: Uint8Array[]
  readonly #entries: StoredEntries
  /** The bytes of a directory; used again and again. */
  #directory = new Uint8Array(4096)
  /** The inode under way. */
  #position = 0
  #inode = 0
  #mode = 0
  /** Where its attributes end, and where what follows them begins. */
  #end = 0
  #contentAt = 0
  /** The data of a directory or symlink, and how many of its last bytes stand behind the inode. */
  #data: Uint8Array = NOTHING
  #tail = 0

  constructor(plan: RafsV6Plan) {
    this.#plan = plan
    const { tree, numbering, placement } = plan
    const { xattrs } = tree.inodes
    this.#entries = new StoredEntries(tree, numbering, placement.nid)
    this.#xattrs = Array.from({ length: xattrs.count + 1 }, (_, set) =>
      encodeXattrs(xattrs.get(set)),
    )
  }

  /** Turns to the inode at `position`; gives the bytes of it, its attributes, and its inline tail or chunk indexes. */
  open(position: number): number {
    const { tree, numbering } = this.#plan
    const { inodes } = tree
    const inode = tree.inodeOf(numbering.node[position] as number)
    const mode = inodes.mode(inode)
    const xattrs = this.#xattrs[inodes.xattrSet(inode)] as Uint8Array
    const end = ErofsInodeExtended.size + xattrs.length
    this.#position = position
    this.#inode = inode
    this.#mode = mode
    this.#end = end
    this.#contentAt = end
    this.#data = NOTHING
    this.#tail = 0
    if (isRegular(mode)) {
      const count = inodes.chunkCount(inode)
      if (count > 0) this.#contentAt = alignUp(end, 8)
      return this.#contentAt + count * ErofsChunkIndex.size
    }
    if (isDirectory(mode)) this.#data = this.#encodeDirectory(position)
    else if (isSymlink(mode)) this.#data = inodes.target(inode)
    const { length } = this.#data
    if (isInline(end, length)) this.#tail = length % BLOCK_SIZE
    return end + this.#tail
  }

  /** The blocks of the directory or symlink at `position`: what of its data is not behind its inode. */
  blocks(position: number): Uint8Array {
    this.open(position)
    return this.#data.subarray(0, this.#data.length - this.#tail)
  }

  /** Writes the opened inode at `at`, over zeros. */
  encode({ bytes, view }: RecordTarget, at: number): void {
    const { tree, numbering } = this.#plan
    const { inodes } = tree
    const [position, inode, mode, tail] = [this.#position, this.#inode, this.#mode, this.#tail]
    const set = inodes.xattrSet(inode)
    view.setUint16(at + XATTR_COUNT, xattrCountOf(this.#end - ErofsInodeExtended.size), true)
    view.setUint16(at + MODE, mode, true)
    view.setUint32(at + INO, position + 1, true)
    view.setUint32(at + UID, inodes.uid(inode), true)
    view.setUint32(at + GID, inodes.gid(inode), true)
    i64le.set(view, at + MTIME, inodes.mtime(inode))
    view.setUint32(at + MTIME_NSEC, inodes.mtimeNanoseconds(inode), true)
    view.setUint32(at + NLINK, nlinkOf(tree, numbering, position), true)
    if (set !== 0) bytes.set(this.#xattrs[set] as Uint8Array, at + ErofsInodeExtended.size)
    if (isRegular(mode)) {
      const union = this.#chunkIndexes(view, at + this.#contentAt)
      this.#layout(view, at, CHUNK_BASED, inodes.sizeOf(inode), union)
    } else if (isDirectory(mode) || isSymlink(mode)) {
      // The address is written even where all data is inline and nobody reads it, as nydus does.
      const { metaOffset, placement } = this.#plan
      const union = metaOffset / BLOCK_SIZE + (placement.dataBlock[position] as number)
      const data = this.#data
      this.#layout(view, at, tail > 0 ? FLAT_INLINE : FLAT_PLAIN, data.length, union)
      if (tail > 0) bytes.set(data.subarray(data.length - tail), at + this.#end)
    } else this.#layout(view, at, FLAT_PLAIN, 0, inodes.device(inode))
  }

  #layout(view: DataView, at: number, dataLayout: number, size: number, union: number): void {
    view.setUint16(at + FORMAT, 1 | (dataLayout << 1), true)
    u64le.set(view, at + SIZE, size)
    view.setUint32(at + UNION, union, true)
  }

  #encodeDirectory(position: number): Uint8Array {
    const entries = this.#entries
    entries.open(position)
    const size = directorySize(entries, BLOCK_SIZE)
    if (size > this.#directory.length) this.#directory = new Uint8Array(size * 2)
    const bytes = this.#directory.subarray(0, size).fill(0)
    encodeDirectory(entries, BLOCK_SIZE, bytes)
    return bytes
  }

  /** Writes the chunk indexes of a file and gives its chunk format. */
  #chunkIndexes(view: DataView, at: number): number {
    const { inodes } = this.#plan.tree
    const { chunks, chunkSize } = inodes
    const inode = this.#inode
    const count = inodes.chunkCount(inode)
    let inOnePiece = true
    let [lastBlob, next] = [0, 0]
    for (let i = 0; i < count; i++, at += ErofsChunkIndex.size) {
      const id = inodes.chunkAt(inode, i)
      const blobIndex = chunks.blobIndexOf(id)
      const offset = chunks.uncompressedOffsetOf(id)
      setChunkAddress(view, at, blobIndex, chunks.indexOf(id), offset / BLOCK_SIZE)
      if (i > 0) inOnePiece &&= blobIndex === lastBlob && offset === next
      lastBlob = blobIndex
      next = offset + chunkSize
    }
    // A file in one piece is one extent to the kernel, which can then share its pages.
    const size = inodes.sizeOf(inode)
    const extent =
      inOnePiece && size > chunkSize && size <= MAX_EXTENT
        ? 2 ** Math.ceil(Math.log2(size))
        : chunkSize
    return CHUNK_INDEXES | Math.log2(extent / BLOCK_SIZE)
  }
}
