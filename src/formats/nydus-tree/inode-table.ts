import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import { ChunkStore } from './chunk-store.ts'
import { ByteArena, Column } from './column.ts'
import { isDevice, isRegular, isSymlink } from './file-mode.ts'
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

/**
 * The inodes of one tree as columns, about 40 bytes each. Inodes are numbered from 0 in the order of creation;
 * these numbers are of this table alone and not those of any file system.
 */
export class InodeTable {
  readonly chunkSize: number
  readonly chunks = new ChunkStore()
  readonly xattrs = new XattrSets()
  readonly #mode = new Column(Uint16Array)
  readonly #uid = new Column(Uint32Array)
  readonly #gid = new Column(Uint32Array)
  readonly #mtime = new Column(Float64Array)
  readonly #mtimeNanoseconds = new Column(Uint32Array)
  readonly #size = new Column(Float64Array)
  readonly #xattrSet = new Column(Uint32Array)
  /** File: first chunk reference. Symlink: start of its target. Device: device number. */
  readonly #payload = new Column(Uint32Array)
  readonly #chunkRefs = new Column(Uint32Array)
  readonly #targets = new ByteArena()

  readonly #what: string

  /** `what` names the image and layer in messages, `chunkSize` is the size of all chunks of a file but the last, in bytes. */
  constructor(what: string, chunkSize: number) {
    this.#what = what
    this.chunkSize = chunkSize
  }

  get length(): number {
    return this.#mode.length
  }

  /** Bytes reserved, chunks and attributes included. */
  get size(): number {
    const columns = [this.#mode, this.#uid, this.#gid, this.#mtimeNanoseconds, this.#xattrSet]
    const others = [this.#mtime, this.#size, this.#payload, this.#chunkRefs, this.#targets]
    const own = [...columns, ...others].reduce((sum, column) => sum + column.size, 0)
    return own + this.chunks.size + this.xattrs.size
  }

  /** Adds an inode without content: an empty file, a directory, a FIFO. Returns its number. */
  add(attributes: InodeAttributes): number {
    this.#mode.push(attributes.mode)
    this.#uid.push(attributes.uid)
    this.#gid.push(attributes.gid)
    this.#mtime.push(attributes.mtime)
    this.#mtimeNanoseconds.push(attributes.mtimeNanoseconds)
    this.#xattrSet.push(attributes.xattrSet)
    this.#size.push(0)
    this.#payload.push(isRegular(attributes.mode) ? NOWHERE : 0)
    return this.length - 1
  }

  /** Gives a regular file its size and the ids of its chunks, one for every `chunkSize` bytes begun. */
  setContent(inode: number, size: number, chunkIds: ArrayLike<number>): void {
    assert.ok(isRegular(this.mode(inode)), 'only files have chunks')
    assert.equal(
      chunkIds.length,
      this.#countFor(size),
      `${size} bytes in ${chunkIds.length} chunks`,
    )
    this.#size.set(inode, size)
    if (chunkIds.length === 0) return
    const at = this.#chunkRefs.extend(chunkIds.length)
    for (let i = 0; i < chunkIds.length; i++) this.#chunkRefs.set(at + i, chunkIds[i] as number)
    this.#payload.set(inode, at)
  }

  /** Gives a symlink its target. Throws FORMAT_LIMIT_EXCEEDED past MAX_TARGET_BYTES. */
  setTarget(inode: number, target: Uint8Array): void {
    assert.ok(isSymlink(this.mode(inode)), 'only symlinks have a target')
    const value = this.#targets.length + target.length
    if (value > MAX_TARGET_BYTES) {
      const limit = { limit: 'bytes of symlink targets', value, max: MAX_TARGET_BYTES }
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what: this.#what,
        format: 'file tree',
        ...limit,
      })
    }
    this.#size.set(inode, target.length)
    this.#payload.set(inode, this.#targets.add(target))
  }

  /** Gives a device its number, in the form of `encodeDevice`. */
  setDevice(inode: number, rdev: number): void {
    assert.ok(isDevice(this.mode(inode)), 'only devices have a device number')
    this.#payload.set(inode, rdev)
  }

  /** Changes the attributes and leaves the content. The type may not change. */
  setAttributes(inode: number, attributes: InodeAttributes): void {
    this.#mode.set(inode, attributes.mode)
    this.#uid.set(inode, attributes.uid)
    this.#gid.set(inode, attributes.gid)
    this.#mtime.set(inode, attributes.mtime)
    this.#mtimeNanoseconds.set(inode, attributes.mtimeNanoseconds)
    this.#xattrSet.set(inode, attributes.xattrSet)
  }

  mode(inode: number): number {
    return this.#mode.get(inode)
  }

  uid(inode: number): number {
    return this.#uid.get(inode)
  }

  gid(inode: number): number {
    return this.#gid.get(inode)
  }

  mtime(inode: number): number {
    return this.#mtime.get(inode)
  }

  mtimeNanoseconds(inode: number): number {
    return this.#mtimeNanoseconds.get(inode)
  }

  xattrSet(inode: number): number {
    return this.#xattrSet.get(inode)
  }

  /** Bytes of a file or of a symlink's target; 0 for all else (a directory's size is the format's affair). */
  sizeOf(inode: number): number {
    return this.#size.get(inode)
  }

  /** The device number of a device, 0 for all else. */
  device(inode: number): number {
    return isDevice(this.mode(inode)) ? this.#payload.get(inode) : 0
  }

  /** The target of a symlink: a view, valid until the next `setTarget`. */
  target(inode: number): Uint8Array {
    return this.#targets.view(this.#payload.get(inode), this.#size.get(inode))
  }

  chunkCount(inode: number): number {
    return isRegular(this.mode(inode)) ? this.#countFor(this.#size.get(inode)) : 0
  }

  /** The id of the chunk at `position` (0, 1, …) of a file. */
  chunkAt(inode: number, position: number): number {
    return this.#chunkRefs.get(this.#payload.get(inode) + position)
  }

  #countFor(size: number): number {
    return Math.ceil(size / this.chunkSize)
  }
}
