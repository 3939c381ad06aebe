import { alignUp } from '../../bytes/layout.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { type DirectoryEntry, fileTypeOf } from '../erofs/directory.ts'
import type { ErofsImage } from '../erofs/image.ts'
import type { ErofsInode } from '../erofs/inode.ts'
import {
  CHUNK_BASED,
  CHUNK_INDEXES,
  ErofsChunkIndex,
  type ErofsDeviceSlot,
  type ErofsSuperblock,
  SLOT_SIZE,
} from '../erofs/layout.ts'
import type { Compressor, Digester } from '../nydus-blob/algorithm.ts'
import { decodeChunkRecord } from '../nydus-blob/chunk-record.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { isDevice, isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import { FileTree, NONE, ROOT } from '../nydus-tree/file-tree.ts'
import { atPath } from '../nydus-tree/format-failure.ts'
import { ChunkLookup } from '../nydus-tree/chunk-lookup.ts'
import { blkaddrAt, blobIndexAt, chunkIndexAt } from './chunk-address.ts'
import { BLOCK_SIZE, type RafsV6Blob, type RafsV6SuperblockExt } from './layout.ts'
import { readTables, type RafsV6Tables } from './tables.ts'

/** A bootstrap as read. */
export interface RafsV6Bootstrap {
  superblock: ErofsSuperblock
  extended: RafsV6SuperblockExt
  compressor: Compressor
  digester: Digester
  devices: readonly ErofsDeviceSlot[]
  blobs: RafsV6Blob[]
  /** The file system; the ids of its chunks are the positions in the stored chunk table. */
  tree: FileTree
  /** Nodes of the prefetch table, in stored order; NONE for a nid that no name has. */
  prefetch: number[]
}

/** What a reader is told. */
export interface ReadInit {
  /** Names the image and layer in messages. */
  what: string
  /** Names that the tree may hold. @default MAX_NODES */
  maxNodes?: number
  /** Told of each name, in the order of their nodes, how many links its inode says that it has. */
  onLinks?: (nlink: number) => void
}

/** Largest bootstrap that is read: a million files take about 200 MB. */
export const MAX_BOOTSTRAP_SIZE = 2 * 1024 * 1024 * 1024

/**
 * Reads a whole RAFS v6 bootstrap: every table, inode, name, attribute and chunk. It is held to what nydusd and the
 * kernel check, and to being a tree. Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export function readRafsV6(bytes: Uint8Array, init: ReadInit): RafsV6Bootstrap {
  if (bytes.length > MAX_BOOTSTRAP_SIZE) {
    const limit = { limit: 'bytes', value: bytes.length, max: MAX_BOOTSTRAP_SIZE }
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what: init.what,
      format: 'RAFS v6 bootstrap',
      ...limit,
    })
  }
  const tables = readTables(bytes, init.what)
  const tree = new FileTree({ ...init, chunkSize: tables.extended.chunkSize })
  readChunkTable(tables, tree)
  const prefetch = new TreeReader(tables, tree, init.onLinks).read()
  const { superblock, extended, compressor, digester, devices, blobs } = tables
  return { superblock, extended, compressor, digester, devices, blobs, tree, prefetch }
}

function readChunkTable(
  { image, extended, blobs, chunkRecords }: RafsV6Tables,
  tree: FileTree,
): void {
  const { reader } = image
  for (let i = 0; i < chunkRecords; i++) {
    const at = extended.chunkTableOffset + i * ChunkRecord.size
    const record = decodeChunkRecord(reader, at)
    if (record.blobIndex >= blobs.length)
      throw reader.invalid(at, `a chunk of blob ${record.blobIndex}`)
    if (record.flags > 0xffff)
      throw reader.invalid(at, `chunk flags 0x${record.flags.toString(16)}`)
    if (record.uncompressedSize === 0 || record.uncompressedSize > extended.chunkSize) {
      throw reader.invalid(at, `a chunk of ${record.uncompressedSize} bytes`)
    }
    if (record.uncompressedOffset % BLOCK_SIZE !== 0) {
      throw reader.invalid(at, `a chunk that begins at ${record.uncompressedOffset}`)
    }
    tree.inodes.chunks.add(record)
  }
}

/** Walks the directories from the root and puts what they name into a FileTree. */
class TreeReader {
  readonly #image: ErofsImage
  readonly #tree: FileTree
  readonly #chunks: ChunkLookup
  readonly #chunkSize: number
  /** By nid: inode of the tree + 1, or 0. Two names of one nid are hard links. */
  readonly #inodes: Uint32Array
  /** By nid: positions in the prefetch table. */
  readonly #prefetch = new Map<number, number[]>()
  readonly #prefetchNodes: number[]
  readonly #onLinks: ReadInit['onLinks']
  /** Bytes that inodes may still claim: areas of different inodes do not overlap, so no more than the file has. */
  #unclaimed: number

  constructor(tables: RafsV6Tables, tree: FileTree, onLinks: ReadInit['onLinks']) {
    this.#onLinks = onLinks
    this.#image = tables.image
    this.#tree = tree
    this.#chunkSize = tables.extended.chunkSize
    this.#chunks = new ChunkLookup(tree.inodes.chunks)
    this.#unclaimed = tables.image.reader.size
    const start = tables.superblock.metaBlkaddr * BLOCK_SIZE
    this.#inodes = new Uint32Array(Math.ceil((tables.image.reader.size - start) / SLOT_SIZE))
    tables.prefetch.forEach((nid, i) => {
      const positions = this.#prefetch.get(nid)
      if (positions === undefined) this.#prefetch.set(nid, [i])
      else positions.push(i)
    })
    this.#prefetchNodes = tables.prefetch.map(() => NONE)
  }

  /** Reads the whole tree; returns the nodes that the prefetch table names. */
  read(): number[] {
    const image = this.#image
    const root = image.root()
    if (!isDirectory(root.mode)) throw image.reader.invalid(root.offset, 'the root is no directory')
    this.#tree.setInode(ROOT, this.#add(root))
    this.#notePrefetch(root.nid, ROOT)
    this.#onLinks?.(root.nlink)
    const waiting = [{ directory: root, node: ROOT, parentNid: root.nid }]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const { inode, node } of this.#children(at.directory, at.node, at.parentNid)) {
        waiting.push({ directory: inode, node, parentNid: at.directory.nid })
      }
    }
    return this.#prefetchNodes
  }

  /** Adds the names of a directory and returns the directories among them. */
  #children(
    directory: ErofsInode,
    node: number,
    parentNid: number,
  ): { inode: ErofsInode; node: number }[] {
    const { reader } = this.#image
    const directories: { inode: ErofsInode; node: number }[] = []
    let dots = 0
    for (const { name, nid, fileType } of this.#entries(directory, node)) {
      const dotted =
        name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))
      if (dotted) {
        const right = name.length === 1 ? directory.nid : parentNid
        if (nid !== right)
          throw reader.invalid(directory.offset, `${'.'.repeat(name.length)} leads to nid ${nid}`)
        dots++
        continue
      }
      try {
        const inode = this.#image.inode(nid)
        if (fileTypeOf(inode.mode) !== fileType) {
          throw reader.invalid(
            directory.offset,
            `file type ${fileType} for mode 0${inode.mode.toString(8)}`,
          )
        }
        const known = this.#inodes[nid] as number
        if (known !== 0 && isDirectory(inode.mode)) {
          throw reader.invalid(inode.offset, 'a directory with two names')
        }
        const child = this.#tree.add(node, name, known === 0 ? this.#add(inode) : known - 1)
        this.#notePrefetch(nid, child)
        this.#onLinks?.(inode.nlink)
        if (isDirectory(inode.mode)) directories.push({ inode, node: child })
      } catch (error) {
        throw atPath(this.#tree.pathBelow(node, name), error)
      }
    }
    if (dots !== 2) throw reader.invalid(directory.offset, 'a directory without . and ..')
    return directories
  }

  /** The names of a directory; what is wrong with them is told of it. */
  *#entries(directory: ErofsInode, node: number): Generator<DirectoryEntry> {
    try {
      yield* this.#image.entries(directory)
    } catch (error) {
      throw atPath(this.#tree.pathOf(node), error)
    }
  }

  /** Without this, a small file could name a huge one: many inodes with the same megabytes behind them. */
  #claim(inode: ErofsInode): void {
    const chunks = isRegular(inode.mode) ? Math.ceil(inode.size / this.#chunkSize) : 0
    const data = isRegular(inode.mode) ? chunks * ErofsChunkIndex.size : inode.size
    this.#unclaimed -= inode.end - inode.offset + data
    if (this.#unclaimed < 0) throw this.#image.reader.invalid(inode.offset, 'inodes that overlap')
  }

  #add(inode: ErofsInode): number {
    const { inodes } = this.#tree
    this.#claim(inode)
    const xattrSet =
      inode.xattrSize === 0 ? 0 : inodes.xattrs.add(this.#image.xattrs(inode), this.#tree.what)
    const made = inodes.add({
      mode: inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      mtime: inode.mtime,
      mtimeNanoseconds: inode.mtimeNsec,
      xattrSet,
    })
    if (isRegular(inode.mode)) this.#addChunks(made, inode)
    else if (isSymlink(inode.mode)) inodes.setTarget(made, this.#image.symlinkTarget(inode))
    else if (isDevice(inode.mode)) inodes.setDevice(made, inode.union)
    this.#inodes[inode.nid] = made + 1
    return made
  }

  #addChunks(made: number, inode: ErofsInode): void {
    const { reader } = this.#image
    if (inode.dataLayout !== CHUNK_BASED || (inode.union & CHUNK_INDEXES) === 0) {
      throw reader.invalid(inode.offset, 'a file that is not made of chunk indexes')
    }
    this.#image.checkChunkFormat(inode)
    const { inodes } = this.#tree
    const { view } = reader
    const count = Math.ceil(inode.size / this.#chunkSize)
    const start = alignUp(inode.end, ErofsChunkIndex.size)
    reader.require(start, count * ErofsChunkIndex.size, 'chunk indexes of an inode')
    inodes.beginContent(made, inode.size)
    for (let i = 0; i < count; i++) {
      const at = start + i * ErofsChunkIndex.size
      const id = this.#chunks.find(blobIndexAt(view, at), chunkIndexAt(view, at))
      const size = Math.min(this.#chunkSize, inode.size - i * this.#chunkSize)
      this.#checkChunk(inode, at, id, size)
      inodes.addChunk(id)
    }
  }

  /** Holds the chunk that the address at `at` names to what is said of it, and to the `size` bytes that are wanted. */
  #checkChunk(inode: ErofsInode, at: number, id: number, size: number): void {
    const { reader } = this.#image
    const { chunks } = this.#tree.inodes
    const blkaddr = blkaddrAt(reader.view, at)
    const found = id !== -1 && chunks.uncompressedOffsetOf(id) === blkaddr * BLOCK_SIZE
    if (found && chunks.uncompressedSizeOf(id) === size) return
    const named = `chunk ${chunkIndexAt(reader.view, at)} of blob ${blobIndexAt(reader.view, at)}`
    const problem = found
      ? `${named} has not the ${size} bytes that the file needs`
      : `${named} at block ${blkaddr} is not in the chunk table`
    throw reader.invalid(inode.offset, problem)
  }

  #notePrefetch(nid: number, node: number): void {
    if (this.#prefetch.size === 0) return
    for (const i of this.#prefetch.get(nid) ?? []) {
      if (this.#prefetchNodes[i] === NONE) this.#prefetchNodes[i] = node
    }
  }
}
