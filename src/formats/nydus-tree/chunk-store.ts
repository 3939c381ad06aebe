import { AccelError } from '../../errors/accel-error.ts'
import { Records } from './records.ts'

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

/** Words of the record of a chunk: its digest in the first eight, big endian, so that comparing words compares bytes. */
const RECORD_WORDS = 17
const DIGEST_WORDS = 8
/** Blob index in the low half, flags in the high. */
const BLOB_AND_FLAGS = 8
const INDEX = 9
const COMPRESSED_OFFSET = 10
const COMPRESSED_SIZE = 12
const UNCOMPRESSED_OFFSET = 13
const UNCOMPRESSED_SIZE = 15
const CRC32 = 16

/**
 * The chunks that files refer to, each once, 68 bytes a chunk. A file keeps their numbers here (ids), which are handed
 * out from 0 and never change.
 */
export class ChunkStore {
  readonly #records = new Records(RECORD_WORDS)
  /** Open addressing over digests: id + 1, or 0 where a place is free. Made when first asked. */
  #byDigest: Uint32Array | undefined = undefined

  /** How many chunks there are. */
  get length(): number {
    return this.#records.length
  }

  /** Bytes reserved. */
  get size(): number {
    return this.#records.size + (this.#byDigest?.byteLength ?? 0)
  }

  /** Adds a chunk, whether or not there is an equal one, and returns its id. */
  add(chunk: Chunk): number {
    const records = this.#records
    const id = records.add()
    const { digest } = chunk
    for (let word = 0; word < DIGEST_WORDS; word++) records.set(id, word, wordAt(digest, word))
    records.set(id, BLOB_AND_FLAGS, chunk.blobIndex | (chunk.flags << 16))
    records.set(id, INDEX, chunk.index)
    records.setWide(id, COMPRESSED_OFFSET, chunk.compressedOffset)
    records.set(id, COMPRESSED_SIZE, chunk.compressedSize)
    records.setWide(id, UNCOMPRESSED_OFFSET, chunk.uncompressedOffset)
    records.set(id, UNCOMPRESSED_SIZE, chunk.uncompressedSize)
    records.set(id, CRC32, chunk.crc32)
    if (this.#byDigest !== undefined) this.#remember(id)
    return id
  }

  /** Adds the chunk `id` of another store, as one of the blob at `blobIndex` here. Returns its id here. */
  addFrom(other: ChunkStore, id: number, blobIndex: number): number {
    const made = this.#records.addFrom(other.#records, id)
    this.setBlobIndex(made, blobIndex)
    if (this.#byDigest !== undefined) this.#remember(made)
    return made
  }

  /** The chunk `id`; its digest is a copy. */
  get(id: number): Chunk {
    return {
      digest: this.digestOf(id),
      blobIndex: this.blobIndexOf(id),
      index: this.indexOf(id),
      flags: this.flagsOf(id),
      compressedOffset: this.compressedOffsetOf(id),
      compressedSize: this.compressedSizeOf(id),
      uncompressedOffset: this.uncompressedOffsetOf(id),
      uncompressedSize: this.uncompressedSizeOf(id),
      crc32: this.crc32Of(id),
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
    for (let word = 0; word < DIGEST_WORDS; word++) {
      const value = this.#records.get(id, word)
      target[at++] = value >>> 24
      target[at++] = value >>> 16
      target[at++] = value >>> 8
      target[at++] = value
    }
  }

  blobIndexOf(id: number): number {
    return this.#records.get(id, BLOB_AND_FLAGS) & 0xffff
  }

  indexOf(id: number): number {
    return this.#records.get(id, INDEX)
  }

  flagsOf(id: number): number {
    return this.#records.get(id, BLOB_AND_FLAGS) >>> 16
  }

  compressedOffsetOf(id: number): number {
    return this.#records.getWide(id, COMPRESSED_OFFSET)
  }

  compressedSizeOf(id: number): number {
    return this.#records.get(id, COMPRESSED_SIZE)
  }

  uncompressedOffsetOf(id: number): number {
    return this.#records.getWide(id, UNCOMPRESSED_OFFSET)
  }

  uncompressedSizeOf(id: number): number {
    return this.#records.get(id, UNCOMPRESSED_SIZE)
  }

  crc32Of(id: number): number {
    return this.#records.get(id, CRC32)
  }

  /** Says how the chunk `id` is stored, where that was not known when it was added. `flags` are added to its own. */
  setStored(id: number, flags: number, compressedOffset: number, compressedSize: number): void {
    const records = this.#records
    records.set(id, BLOB_AND_FLAGS, records.get(id, BLOB_AND_FLAGS) | (flags << 16))
    records.setWide(id, COMPRESSED_OFFSET, compressedOffset)
    records.set(id, COMPRESSED_SIZE, compressedSize)
  }

  /** Puts the chunk `id` into the blob at `blobIndex` of another blob table. */
  setBlobIndex(id: number, blobIndex: number): void {
    const flags = this.#records.get(id, BLOB_AND_FLAGS) & 0xffff_0000
    this.#records.set(id, BLOB_AND_FLAGS, flags | blobIndex)
  }

  /** The first chunk with this digest and size, or -1: the rule by which a layer stores equal chunks once. */
  find(digest: Uint8Array, uncompressedSize: number): number {
    if (this.#byDigest === undefined) this.#rebuild()
    const table = this.#byDigest as Uint32Array
    const mask = table.length - 1
    for (let at = wordAt(digest, 0) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const id = (table[at] as number) - 1
      if (this.uncompressedSizeOf(id) === uncompressedSize && this.#hasDigest(id, digest)) {
        return id
      }
    }
    return -1
  }

  /** Orders two ids like the chunk table of a bootstrap: by digest bytes, then by blob, then by index. */
  compare(a: number, b: number): number {
    for (let word = 0; word < DIGEST_WORDS; word++) {
      const difference = this.#records.get(a, word) - this.#records.get(b, word)
      if (difference !== 0) return difference
    }
    return this.blobIndexOf(a) - this.blobIndexOf(b) || this.indexOf(a) - this.indexOf(b)
  }

  /**
   * The ids in that order, which digests nearly always decide by their first bits: numbers made of those and of the
   * position are sorted. Takes 12 bytes an id meanwhile.
   */
  sorted(ids: Uint32Array): Uint32Array {
    const positionBits = 32 - Math.clz32(ids.length)
    const positionUnit = 2 ** positionBits
    // What fits into 52 bits together with the position.
    const prefixUnit = 2 ** Math.max(0, positionBits - 20)
    const keys = new Float64Array(ids.length)
    for (let i = 0; i < ids.length; i++) {
      const first = this.#records.get(ids[i] as number, 0)
      keys[i] = Math.floor(first / prefixUnit) * positionUnit + i
    }
    keys.sort()
    const sorted = new Uint32Array(ids.length)
    for (let i = 0; i < ids.length; i++) {
      sorted[i] = ids[(keys[i] as number) % positionUnit] as number
    }
    for (let start = 0, end = 1; end <= ids.length; end++) {
      const prefix = Math.floor((keys[start] as number) / positionUnit)
      if (end < ids.length && Math.floor((keys[end] as number) / positionUnit) === prefix) continue
      if (end - start > 1) sorted.subarray(start, end).sort((a, b) => this.compare(a, b))
      start = end
    }
    return sorted
  }

  #hasDigest(id: number, digest: Uint8Array): boolean {
    for (let word = 0; word < DIGEST_WORDS; word++) {
      if (this.#records.get(id, word) !== wordAt(digest, word)) return false
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
    let at = this.#records.get(id, 0) & mask
    while (table[at] !== 0) at = (at + 1) & mask
    table[at] = id + 1
  }
}

/** Refuses a blob index or chunk index that a chunk address cannot hold. `what` names the image. */
export function checkChunkAddress(blobIndex: number, index: number, what: string): void {
  if (blobIndex >= MAX_BLOBS) throw over(what, 'a blob index', blobIndex, MAX_BLOBS - 1)
  if (index >= MAX_CHUNKS_PER_BLOB) {
    throw over(what, 'a chunk index', index, MAX_CHUNKS_PER_BLOB - 1)
  }
}

function over(what: string, limit: string, value: number, max: number): AccelError {
  const context = { what, format: 'Nydus chunk', limit, value, max }
  return new AccelError('FORMAT_LIMIT_EXCEEDED', context)
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
