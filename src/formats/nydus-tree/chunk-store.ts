import { AccelError } from '../../errors/accel-error.ts'
import { Column } from './column.ts'

/** Bytes of a chunk digest: BLAKE3 and SHA-256 alike. */
export const DIGEST_SIZE = 32

/** Blobs that a bootstrap can name: the chunk address keeps `blob index + 1` in one byte. */
export const MAX_BLOBS = 254

/** Chunks of one blob: the chunk address keeps 24 bits of index. */
export const MAX_CHUNKS_PER_BLOB = 0xff_ffff

/** Everything that is said about one stored chunk. */
export interface Chunk {
  /** Digest of the uncompressed bytes. */
  digest: Uint8Array
  /** Position of its blob in the blob table. */
  blobIndex: number
  /** Position among the chunks of its blob. */
  index: number
  /** Bits as in the chunk record: see ChunkFlags of nydus-blob. */
  flags: number
  compressedOffset: number
  compressedSize: number
  uncompressedOffset: number
  uncompressedSize: number
  /** CRC-32C of the uncompressed bytes, or 0. */
  crc32: number
}

/**
 * The chunks that files refer to, each once, about 70 bytes a chunk. A file keeps their numbers here (ids), which
 * are handed out from 0 and never change.
 */
export class ChunkStore {
  readonly #digests: Column<Uint32Array>
  readonly #blob = new Column(Uint16Array)
  readonly #index = new Column(Uint32Array)
  readonly #flags = new Column(Uint16Array)
  readonly #compressedOffset = new Column(Float64Array)
  readonly #compressedSize = new Column(Uint32Array)
  readonly #uncompressedOffset = new Column(Float64Array)
  readonly #uncompressedSize = new Column(Uint32Array)
  readonly #crc32 = new Column(Uint32Array)
  /** Open addressing over digests: id + 1, or 0 where a place is free. Made when first asked. */
  #byDigest: Uint32Array | undefined

  constructor() {
    this.#digests = new Column(Uint32Array)
  }

  /** How many chunks there are. */
  get length(): number {
    return this.#blob.length
  }

  /** Bytes reserved. */
  get size(): number {
    const columns = [this.#digests, this.#blob, this.#index, this.#flags, this.#crc32]
    const sizes = [this.#compressedOffset, this.#compressedSize]
    const rest = [this.#uncompressedOffset, this.#uncompressedSize]
    const all = [...columns, ...sizes, ...rest]
    return all.reduce((sum, column) => sum + column.size, this.#byDigest?.byteLength ?? 0)
  }

  /** Adds a chunk, whether or not there is an equal one, and returns its id. */
  add(chunk: Chunk): number {
    const id = this.length
    const at = this.#digests.extend(8)
    for (let word = 0; word < 8; word++) this.#digests.set(at + word, wordAt(chunk.digest, word))
    this.#blob.push(chunk.blobIndex)
    this.#index.push(chunk.index)
    this.#flags.push(chunk.flags)
    this.#compressedOffset.push(chunk.compressedOffset)
    this.#compressedSize.push(chunk.compressedSize)
    this.#uncompressedOffset.push(chunk.uncompressedOffset)
    this.#uncompressedSize.push(chunk.uncompressedSize)
    this.#crc32.push(chunk.crc32)
    if (this.#byDigest !== undefined) this.#remember(id)
    return id
  }

  /** Adds the chunk `id` of another store, as one of the blob at `blobIndex` here. Returns its id here. */
  addFrom(other: ChunkStore, id: number, blobIndex: number): number {
    const at = this.#digests.extend(8)
    for (let word = 0; word < 8; word++) {
      this.#digests.set(at + word, other.#digests.get(id * 8 + word))
    }
    this.#index.push(other.#index.get(id))
    this.#flags.push(other.#flags.get(id))
    this.#compressedOffset.push(other.#compressedOffset.get(id))
    this.#compressedSize.push(other.#compressedSize.get(id))
    this.#uncompressedOffset.push(other.#uncompressedOffset.get(id))
    this.#uncompressedSize.push(other.#uncompressedSize.get(id))
    this.#crc32.push(other.#crc32.get(id))
    this.#blob.push(blobIndex)
    if (this.#byDigest !== undefined) this.#remember(this.length - 1)
    return this.length - 1
  }

  /** The chunk `id`; its digest is a copy. */
  get(id: number): Chunk {
    return {
      digest: this.digestOf(id),
      blobIndex: this.#blob.get(id),
      index: this.#index.get(id),
      flags: this.#flags.get(id),
      compressedOffset: this.#compressedOffset.get(id),
      compressedSize: this.#compressedSize.get(id),
      uncompressedOffset: this.#uncompressedOffset.get(id),
      uncompressedSize: this.#uncompressedSize.get(id),
      crc32: this.#crc32.get(id),
    }
  }

  /** The digest of the chunk `id`, a copy. */
  digestOf(id: number): Uint8Array {
    const digest = new Uint8Array(DIGEST_SIZE)
    this.copyDigest(id, digest, 0)
    return digest
  }

  /** Writes the digest of the chunk `id` to `target` from `at` on. */
  copyDigest(id: number, target: Uint8Array, at: number): void {
    for (let word = 0; word < 8; word++) {
      const value = this.#digests.get(id * 8 + word)
      target[at++] = value >>> 24
      target[at++] = value >>> 16
      target[at++] = value >>> 8
      target[at++] = value
    }
  }

  blobIndexOf(id: number): number {
    return this.#blob.get(id)
  }

  indexOf(id: number): number {
    return this.#index.get(id)
  }

  uncompressedOffsetOf(id: number): number {
    return this.#uncompressedOffset.get(id)
  }

  uncompressedSizeOf(id: number): number {
    return this.#uncompressedSize.get(id)
  }

  /** Says how the chunk `id` is stored, where that was not known when it was added. `flags` are added to its own. */
  setStored(
    id: number,
    stored: { flags: number; compressedOffset: number; compressedSize: number },
  ): void {
    this.#flags.set(id, this.#flags.get(id) | stored.flags)
    this.#compressedOffset.set(id, stored.compressedOffset)
    this.#compressedSize.set(id, stored.compressedSize)
  }

  /** Puts the chunk `id` into the blob at `blobIndex` of another blob table. */
  setBlobIndex(id: number, blobIndex: number): void {
    this.#blob.set(id, blobIndex)
  }

  /** The first chunk with this digest and size, or -1: the rule by which a layer stores equal chunks once. */
  find(digest: Uint8Array, uncompressedSize: number): number {
    if (this.#byDigest === undefined) this.#rebuild()
    const table = this.#byDigest as Uint32Array
    const mask = table.length - 1
    for (let at = wordAt(digest, 0) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const id = (table[at] as number) - 1
      if (this.#uncompressedSize.get(id) === uncompressedSize && this.#hasDigest(id, digest)) {
        return id
      }
    }
    return -1
  }

  /** Orders two ids like the chunk table of a bootstrap: by digest bytes, then by blob, then by index. */
  compare(a: number, b: number): number {
    for (let word = 0; word < 8; word++) {
      const difference = this.#digests.get(a * 8 + word) - this.#digests.get(b * 8 + word)
      if (difference !== 0) return difference
    }
    return this.#blob.get(a) - this.#blob.get(b) || this.#index.get(a) - this.#index.get(b)
  }

  #hasDigest(id: number, digest: Uint8Array): boolean {
    for (let word = 0; word < 8; word++) {
      if (this.#digests.get(id * 8 + word) !== wordAt(digest, word)) return false
    }
    return true
  }

  #rebuild(): void {
    let length = 1024
    while (length < this.length * 2) length *= 2
    this.#byDigest = new Uint32Array(length)
    for (let id = 0; id < this.length; id++) this.#place(id)
  }

  #remember(id: number): void {
    if (this.length * 4 > (this.#byDigest as Uint32Array).length * 3) this.#rebuild()
    else this.#place(id)
  }

  #place(id: number): void {
    const table = this.#byDigest as Uint32Array
    const mask = table.length - 1
    let at = this.#digests.get(id * 8) & mask
    while (table[at] !== 0) at = (at + 1) & mask
    table[at] = id + 1
  }
}

/** Refuses a blob index or chunk index that a chunk address cannot hold. `what` names the image. */
export function checkChunkAddress(blobIndex: number, index: number, what: string): void {
  const over = (limit: string, value: number, max: number): AccelError =>
    new AccelError('FORMAT_LIMIT_EXCEEDED', { what, format: 'Nydus chunk', limit, value, max })
  if (blobIndex >= MAX_BLOBS) throw over('a blob index', blobIndex, MAX_BLOBS - 1)
  if (index >= MAX_CHUNKS_PER_BLOB) throw over('a chunk index', index, MAX_CHUNKS_PER_BLOB - 1)
}

/** Words are kept big endian, so that comparing them compares the bytes. */
function wordAt(digest: Uint8Array, word: number): number {
  const at = word * 4
  return (
    (((digest[at] as number) << 24) |
      ((digest[at + 1] as number) << 16) |
      ((digest[at + 2] as number) << 8) |
      (digest[at + 3] as number)) >>>
    0
  )
}
