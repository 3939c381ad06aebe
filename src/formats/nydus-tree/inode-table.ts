import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import { ChunkStore } from './chunk-store.ts'
import { ByteArena, Column } from './column.ts'
import { isDevice, isRegular, isSymlink } from './file-mode.ts'
import { Records } from './records.ts'
import { XattrSets } from './xattr-set.ts'

/** What every inode has. */
export interface InodeAttributes {
  /** Type bits and permissions. */
  mode: number
  uid: number
  gid: number
  /** Whole seconds since 1970; may be negative. */
  mtime: number
  mtimeNanoseconds: number
  /** Number of a set in `xattrs`. */
  xattrSet: number
}

/** Bytes of all symlink targets of one tree. */
export const MAX_TARGET_BYTES = 1024 * 1024 * 1024

/** Chunk ids are kept in one array; a file without chunks points nowhere. */
const NOWHERE = 0xffff_ffff

/** Words of the record of an inode. */
const RECORD_WORDS = 10
const MODE = 0
const UID = 1
const GID = 2
const MTIME = 3
const MTIME_NANOSECONDS = 5
const SIZE = 6
const XATTR_SET = 8
/** File: first chunk reference. Symlink: start of its target. Device: device number. */
const PAYLOAD = 9

/**
 * The inodes of one tree, 40 bytes each. Inodes are numbered from 0 in the order of creation; these numbers are of this
 * table alone and not those of any file system.
 */
export class InodeTable {
  readonly chunkSize: number
  readonly chunks = new ChunkStore()
  readonly xattrs = new XattrSets()
  readonly #records = new Records(RECORD_WORDS)
  readonly #chunkRefs = new Column(Uint32Array)
  readonly #targets = new ByteArena()

  readonly #what: string

  /** `what` names the image and layer in messages, `chunkSize` is the size of all chunks of a file but the last, in bytes. */
  constructor(what: string, chunkSize: number) {
    this.#what = what
    this.chunkSize = chunkSize
  }

  get length(): number {
    return this.#records.length
  }

  /** Bytes reserved, chunks and attributes included. */
  get size(): number {
    const own = this.#records.size + this.#chunkRefs.size + this.#targets.size
    return own + this.chunks.size + this.xattrs.size
  }

  /** Adds an inode without content: an empty file, a directory, a FIFO. Returns its number. */
  add(attributes: InodeAttributes): number {
    const inode = this.#records.add()
    this.setAttributes(inode, attributes)
    this.#records.set(inode, PAYLOAD, isRegular(attributes.mode) ? NOWHERE : 0)
    return inode
  }

  /**
   * Adds a copy of an inode of another table, with `xattrSet`, and returns its number: all but the chunks of a file,
   * which `beginContent` and `addChunk` give it. Throws FORMAT_LIMIT_EXCEEDED past MAX_TARGET_BYTES.
   */
  addFrom(other: InodeTable, inode: number, xattrSet: number): number {
    const made = this.#records.addFrom(other.#records, inode)
    this.#records.set(made, XATTR_SET, xattrSet)
    const mode = this.mode(made)
    if (isRegular(mode)) {
      this.#records.setWide(made, SIZE, 0)
      this.#records.set(made, PAYLOAD, NOWHERE)
    } else if (isSymlink(mode)) this.setTarget(made, other.target(inode))
    return made
  }

  /** Gives a regular file its size and the ids of its chunks, one for every `chunkSize` bytes begun. */
  setContent(inode: number, size: number, chunkIds: ArrayLike<number>): void {
    if (chunkIds.length !== this.#countFor(size)) {
      assert.fail(`${size} bytes in ${chunkIds.length} chunks`)
    }
    this.beginContent(inode, size)
    for (let i = 0; i < chunkIds.length; i++) this.addChunk(chunkIds[i] as number)
  }

  /** Gives a regular file its size; `addChunk` must then tell its chunks, before those of any other file. */
  beginContent(inode: number, size: number): void {
    assert(isRegular(this.mode(inode)), 'only files have chunks')
    this.#records.setWide(inode, SIZE, size)
    if (size > 0) this.#records.set(inode, PAYLOAD, this.#chunkRefs.length)
  }

  /** The id of the next chunk of the file whose content was begun last. */
  addChunk(id: number): void {
    this.#chunkRefs.push(id)
  }

  /** Gives a symlink its target. Throws FORMAT_LIMIT_EXCEEDED past MAX_TARGET_BYTES. */
  setTarget(inode: number, target: Uint8Array): void {
    assert(isSymlink(this.mode(inode)), 'only symlinks have a target')
    const value = this.#targets.length + target.length
    if (value > MAX_TARGET_BYTES) {
      const limit = { limit: 'bytes of symlink targets', value, max: MAX_TARGET_BYTES }
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what: this.#what,
        format: 'file tree',
        ...limit,
      })
    }
    this.#records.setWide(inode, SIZE, target.length)
    this.#records.set(inode, PAYLOAD, this.#targets.add(target))
  }

  /** Gives a device its number, in the form of `encodeDevice`. */
  setDevice(inode: number, rdev: number): void {
    assert(isDevice(this.mode(inode)), 'only devices have a device number')
    this.#records.set(inode, PAYLOAD, rdev)
  }

  /** Changes the attributes and leaves the content. The type may not change. */
  setAttributes(inode: number, attributes: InodeAttributes): void {
    const records = this.#records
    records.set(inode, MODE, attributes.mode & 0xffff)
    records.set(inode, UID, attributes.uid)
    records.set(inode, GID, attributes.gid)
    records.setWide(inode, MTIME, attributes.mtime)
    records.set(inode, MTIME_NANOSECONDS, attributes.mtimeNanoseconds)
    records.set(inode, XATTR_SET, attributes.xattrSet)
  }

  mode(inode: number): number {
    return this.#records.get(inode, MODE)
  }

  uid(inode: number): number {
    return this.#records.get(inode, UID)
  }

  gid(inode: number): number {
    return this.#records.get(inode, GID)
  }

  mtime(inode: number): number {
    return this.#records.getWide(inode, MTIME)
  }

  mtimeNanoseconds(inode: number): number {
    return this.#records.get(inode, MTIME_NANOSECONDS)
  }

  xattrSet(inode: number): number {
    return this.#records.get(inode, XATTR_SET)
  }

  /** Bytes of a file or of a symlink's target; 0 for all else (a directory's size is the format's affair). */
  sizeOf(inode: number): number {
    return this.#records.getWide(inode, SIZE)
  }

  /** The device number of a device, 0 for all else. */
  device(inode: number): number {
    return isDevice(this.mode(inode)) ? this.#records.get(inode, PAYLOAD) : 0
  }

  /** The target of a symlink: a view, valid until the next `setTarget`. */
  target(inode: number): Uint8Array {
    return this.#targets.view(this.#records.get(inode, PAYLOAD), this.sizeOf(inode))
  }

  chunkCount(inode: number): number {
    return isRegular(this.mode(inode)) ? this.#countFor(this.sizeOf(inode)) : 0
  }

  /** The id of the chunk at `position` (0, 1, …) of a file. */
  chunkAt(inode: number, position: number): number {
    return this.#chunkRefs.get(this.#records.get(inode, PAYLOAD) + position)
  }

  #countFor(size: number): number {
    return Math.ceil(size / this.chunkSize)
  }
}
