import type { Compressor, Digester } from '../nydus-blob/algorithm.ts'
import { digestFunction } from '../nydus-blob/chunk-digest.ts'
import { decodeChunkRecord, fileOffsetAt } from '../nydus-blob/chunk-record.ts'
import { ChunkRecord } from '../nydus-blob/layout.ts'
import { ChunkLookup } from '../nydus-tree/chunk-lookup.ts'
import { DIGEST_SIZE, MAX_CHUNKS_PER_BLOB } from '../nydus-tree/chunk-store.ts'
import { isDevice, isDirectory, isRegular, isSymlink } from '../nydus-tree/file-mode.ts'
import { FileTree, NONE, ROOT } from '../nydus-tree/file-tree.ts'
import { atPath } from '../nydus-tree/format-failure.ts'
import { compareBytes } from '../nydus-tree/name-order.ts'
import { numberTree } from '../nydus-tree/numbering.ts'
import { inodeDigests } from './inode-digest.ts'
import { readInodeRecord, type StoredInode } from './inode-record.ts'
import type { RafsV5Blob, RafsV5Superblock } from './layout.ts'
import { readTables, type RafsV5Tables } from './tables.ts'

/** A bootstrap as read. */
export interface RafsV5Bootstrap {
  superblock: RafsV5Superblock
  compressor: Compressor
  digester: Digester
  blobs: RafsV5Blob[]
  tree: FileTree
  /** Nodes of the prefetch table, in stored order; NONE for a number that no name has. */
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

/**
 * Reads a whole RAFS v5 bootstrap: every table, inode, name, attribute and chunk, and checks the digest of every
 * inode. Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export function readRafsV5(bytes: Uint8Array, init: ReadInit): RafsV5Bootstrap {
  const tables = readTables(bytes, init.what)
  const tree = new FileTree({ ...init, chunkSize: tables.superblock.chunkSize })
  const reader = new InodeReader(tables, tree, init.onLinks)
  reader.read()
  reader.checkDigests()
  const { superblock, compressor, digester, blobs } = tables
  const prefetch = tables.prefetch.map((ino) => reader.nodeOf(ino))
  return { superblock, compressor, digester, blobs, tree, prefetch }
}

class InodeReader {
  readonly #tables: RafsV5Tables
  readonly #tree: FileTree
  readonly #chunks: ChunkLookup
  /** By inode number: inode of the tree + 1, or 0. */
  readonly #inodes: Uint32Array
  /** By inode number: node of its first name, or NONE. */
  readonly #nodes: Uint32Array
  /** By index: 1 once the record has been taken for a name. */
  readonly #taken: Uint8Array
  /** Bytes that records may still claim: they do not overlap, so no more than the file has. */
  #unclaimed: number
  /** By node: offset of the record, whose digest is checked in the end. */
  readonly #offsets: number[] = []
  readonly #onLinks: ReadInit['onLinks']

  constructor(tables: RafsV5Tables, tree: FileTree, onLinks: ReadInit['onLinks']) {
    this.#onLinks = onLinks
    this.#tables = tables
    this.#tree = tree
    this.#chunks = new ChunkLookup(tree.inodes.chunks)
    this.#unclaimed = tables.reader.size
    const entries = tables.superblock.inodeTableEntries
    this.#inodes = new Uint32Array(entries + 1)
    this.#nodes = new Uint32Array(entries + 1).fill(NONE)
    this.#taken = new Uint8Array(entries + 1)
  }

  read(): void {
    const root = this.#stored(1)
    const { reader } = this.#tables
    if (!isDirectory(root.record.mode) || root.record.ino !== 1 || root.record.parent !== 0) {
      throw reader.invalid(root.offset, 'the first inode is no root directory')
    }
    this.#tree.setInode(ROOT, this.#add(root))
    this.#note(root, ROOT)
    const waiting = [{ directory: root, node: ROOT }]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const child of this.#children(at.directory, at.node)) waiting.push(child)
    }
  }

  /** The node of the first name with this inode number, or NONE. */
  nodeOf(ino: number): number {
    return this.#nodes[ino] ?? NONE
  }

  checkDigests(): void {
    const numbering = numberTree(this.#tree)
    const digests = inodeDigests(this.#tree, numbering, digestFunction(this.#tables.digester))
    const { reader } = this.#tables
    // From the end: where a file's is wrong, so are those of all directories above it.
    for (let position = numbering.count - 1; position >= 0; position--) {
      const node = numbering.node[position] as number
      const offset = this.#offsets[node] as number
      const stored = reader.slice(offset, DIGEST_SIZE, 'digest')
      const right = digests.subarray(position * DIGEST_SIZE, (position + 1) * DIGEST_SIZE)
      if (compareBytes(stored, right) !== 0) {
        throw reader.invalid(offset, `the digest of ${this.#tree.pathOf(node)} is wrong`)
      }
    }
  }

  /** Adds the names of a directory and returns the directories among them. */
  #children(directory: StoredInode, node: number): { directory: StoredInode; node: number }[] {
    const { reader, superblock } = this.#tables
    const { childIndex, childCount, ino } = directory.record
    if (
      childCount > 0 &&
      (childIndex <= ino || childIndex + childCount - 1 > superblock.inodeTableEntries)
    ) {
      throw reader.invalid(
        directory.offset,
        `children ${childIndex} to ${childIndex + childCount - 1}`,
      )
    }
    const directories: { directory: StoredInode; node: number }[] = []
    let before: Uint8Array | undefined
    for (let index = childIndex; index < childIndex + childCount; index++) {
      const child = this.#stored(index)
      try {
        if (child.record.parent !== ino) {
          throw reader.invalid(
            child.offset,
            `parent ${child.record.parent} in the directory ${ino}`,
          )
        }
        if (before !== undefined && compareBytes(before, child.name) >= 0) {
          throw reader.invalid(child.offset, 'file names are not in order')
        }
        before = child.name
        const known = this.#inodes[child.record.ino] as number
        if (known !== 0 && !isRegular(child.record.mode)) {
          throw reader.invalid(child.offset, 'an inode number that is taken')
        }
        const added = this.#tree.add(
          node,
          child.name,
          known === 0 ? this.#add(child) : this.#link(child, known - 1),
        )
        this.#note(child, added)
        if (isDirectory(child.record.mode)) directories.push({ directory: child, node: added })
      } catch (error) {
        throw atPath(this.#tree.pathBelow(node, child.name), error)
      }
    }
    return directories
  }

  /** Reads the record at `index` (from 1), each once. */
  #stored(index: number): StoredInode {
    const { reader } = this.#tables
    if (this.#taken[index] === 1) throw reader.invalid(0, `inode ${index} is in two directories`)
    this.#taken[index] = 1
    const stored = readInodeRecord(this.#tables, index)
    this.#unclaimed -= stored.end - stored.offset
    if (this.#unclaimed < 0) throw reader.invalid(stored.offset, 'inodes that overlap')
    return stored
  }

  #add(stored: StoredInode): number {
    const { record } = stored
    const { reader } = this.#tables
    const { inodes } = this.#tree
    const made = inodes.add({
      mode: record.mode,
      uid: record.uid,
      gid: record.gid,
      mtime: record.mtime,
      mtimeNanoseconds: record.mtimeNsec,
      xattrSet: inodes.xattrs.add(stored.xattrs, this.#tree.what),
    })
    if (isRegular(record.mode)) inodes.setContent(made, record.size, this.#chunkIds(stored))
    else if (isSymlink(record.mode)) {
      if (stored.target.length === 0)
        throw reader.invalid(stored.offset, 'a symlink without target')
      inodes.setTarget(made, stored.target)
    } else if (isDevice(record.mode)) inodes.setDevice(made, record.rdev)
    this.#inodes[record.ino] = made + 1
    return made
  }

  /** A further name of an inode: it has the same content, or the bootstrap is wrong. */
  #link(stored: StoredInode, inode: number): number {
    const { inodes } = this.#tree
    const same = stored.record.size === inodes.sizeOf(inode) && isRegular(inodes.mode(inode))
    if (!same) throw this.#tables.reader.invalid(stored.offset, 'a hard link to other content')
    return inode
  }

  #chunkIds({ offset, record, chunksOffset }: StoredInode): number[] {
    const { reader, superblock, blobs } = this.#tables
    const { chunkSize } = superblock
    const count = Math.ceil(record.size / chunkSize)
    if (record.childCount !== count) {
      throw reader.invalid(offset, `${record.childCount} chunks for ${record.size} bytes`)
    }
    reader.require(chunksOffset, count * ChunkRecord.size, 'chunk records')
    const { chunks } = this.#tree.inodes
    return Array.from({ length: count }, (_, i) => {
      const at = chunksOffset + i * ChunkRecord.size
      const chunk = decodeChunkRecord(reader, at)
      const fileOffset = fileOffsetAt(reader, at)
      const size = Math.min(chunkSize, record.size - i * chunkSize)
      if (chunk.blobIndex >= blobs.length)
        throw reader.invalid(at, `a chunk of blob ${chunk.blobIndex}`)
      if (chunk.index > MAX_CHUNKS_PER_BLOB) throw reader.invalid(at, `chunk index ${chunk.index}`)
      if (chunk.flags > 0xffff)
        throw reader.invalid(at, `chunk flags 0x${chunk.flags.toString(16)}`)
      if (chunk.uncompressedSize !== size || fileOffset !== i * chunkSize) {
        throw reader.invalid(
          at,
          `a chunk of ${chunk.uncompressedSize} bytes at ${fileOffset} of a file`,
        )
      }
      const known = this.#chunks.find(chunk.blobIndex, chunk.index)
      if (known === -1) {
        const id = chunks.add(chunk)
        this.#chunks.add(id)
        return id
      }
      const other = chunks.get(known)
      const same =
        compareBytes(other.digest, chunk.digest) === 0 &&
        other.compressedOffset === chunk.compressedOffset &&
        other.uncompressedOffset === chunk.uncompressedOffset &&
        other.uncompressedSize === size
      if (!same)
        throw reader.invalid(at, `a second chunk ${chunk.index} of blob ${chunk.blobIndex}`)
      return known
    })
  }

  #note({ offset, record }: StoredInode, node: number): void {
    this.#onLinks?.(record.nlink)
    this.#offsets[node] = offset
    if (this.#nodes[record.ino] === NONE) this.#nodes[record.ino] = node
  }
}
