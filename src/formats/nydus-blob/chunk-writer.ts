import { strict as assert } from 'node:assert'
import { alignUp } from '../../bytes/layout.ts'
import { crc32c } from '../../bytes/crc32c.ts'
import { checkChunkAddress, type ChunkStore, DIGEST_SIZE } from '../nydus-tree/chunk-store.ts'
import { Column } from '../nydus-tree/column.ts'
import type { DigestFunction } from './chunk-digest.ts'
import type { ChunkInfo } from './chunk-info.ts'
import { storedSize } from './compress-pieces.ts'
import { ChunkFlag } from './feature.ts'
import type { BatchContext } from './layout.ts'

/** Chunks of other blobs that a layer may refer to. */
export interface ChunkDictionary {
  chunks: ChunkStore
  /** The blob index that the layer uses for a blob of the dictionary. */
  blobIndexOf(blobIndex: number): number
}

/** What a ChunkWriter works with. */
export interface ChunkWriterInit {
  /** Gets a record of every chunk that is stored, and is asked for equal ones. */
  chunks: ChunkStore
  /** Index of the blob in the blob table of its layer. */
  blobIndex: number
  /** Its digests need be valid until the next alone. */
  digest: DigestFunction
  /** Offsets in the uncompressed blob are multiples of this: 4096 in v6, 1 in v5 as the converter makes it. */
  alignment: number
  /** Where equal chunks are looked for as well. */
  dictionary?: ChunkDictionary
  /**
   * Record a CRC-32C of each chunk. nydusd then checks it on every read of a v5 image, in place of the digest; a v6
   * image reads through the chunk table of the blob, which has no room for it. @default false
   */
  crc32?: boolean
  /** Pieces are stored encrypted. @default false */
  encrypted?: boolean
  /** Names the layer in messages. */
  what: string
}

/** A piece of a blob's data: one chunk, or a batch of small ones. */
export interface StoredPiece {
  /** Ids of its chunks, in order: those of a batch lie one behind the other. */
  ids: readonly number[]
  batched: boolean
  /** Bytes as stored. */
  size: number
  /** Bytes uncompressed. */
  uncompressedSize: number
}

/** In the column of batches: the chunk is in none. Else the number of its batch + 1. */
const NO_BATCH = 0

/**
 * Turns the chunks of one layer into a blob's data: gives each the next place, or that of an equal chunk. What is
 * stored is told later, once it is compressed, in the same order.
 * Source: nydus builder/src/core/node.rs (dump_file_chunk, write_chunk_data, deduplicate_chunk), storage/src/meta/batch.rs.
 */
export class ChunkWriter {
  readonly #init: ChunkWriterInit
  /** By index: id in the store. */
  readonly #ids = new Column(Uint32Array)
  /** By index, as far as stored: see NO_BATCH. */
  readonly #batch = new Column(Uint32Array)
  readonly #batchOffset = new Column(Uint32Array)
  readonly #batches: (BatchContext & { offset: number })[] = []
  #dataSize = 0
  #uncompressedSize = 0

  constructor(init: ChunkWriterInit) {
    this.#init = init
  }

  /** Chunks placed. */
  get count(): number {
    return this.#ids.length
  }

  /** Bytes of data stored so far. */
  get dataSize(): number {
    return this.#dataSize
  }

  /** Size of the uncompressed blob so far, the last chunk rounded up like the others. */
  get uncompressedSize(): number {
    return this.#uncompressedSize
  }

  /** The batches, for the chunk table. */
  get batches(): readonly BatchContext[] {
    return this.#batches
  }

  /**
   * Takes one chunk: 1 byte to 16 MiB. Gives its id in the store, and whether it is new and its bytes are to be stored.
   * Throws FORMAT_LIMIT_EXCEEDED past 2^24 - 1 chunks.
   */
  place(bytes: Uint8Array): { id: number; fresh: boolean } {
    const { chunks, blobIndex, alignment, what } = this.#init
    const digest = this.#init.digest(bytes)
    const known = this.#known(digest, bytes.length)
    if (known !== -1) return { id: known, fresh: false }
    checkChunkAddress(blobIndex, this.count, what)
    const crc32 = this.#init.crc32 === true ? crc32c(bytes) : 0
    const id = chunks.add({
      digest,
      blobIndex,
      index: this.count,
      flags:
        (crc32 === 0 ? 0 : ChunkFlag.hasCrc32) |
        (this.#init.encrypted === true ? ChunkFlag.encrypted : 0),
      compressedOffset: 0,
      compressedSize: 0,
      uncompressedOffset: this.#uncompressedSize,
      uncompressedSize: bytes.length,
      crc32,
    })
    this.#ids.push(id)
    this.#uncompressedSize += alignUp(bytes.length, alignment)
    return { id, fresh: true }
  }

  /** Takes note of the next piece of the data: its chunks are the next of those placed. */
  stored({ ids, batched, size, uncompressedSize }: StoredPiece): void {
    const { chunks, encrypted = false } = this.#init
    const compressedOffset = this.#dataSize
    this.#dataSize += size
    let offset = 0
    for (const id of ids) {
      assert.equal(id, this.#ids.get(this.#batch.length), 'chunks are stored as they were placed')
      this.#batch.push(batched ? this.#batches.length + 1 : NO_BATCH)
      this.#batchOffset.push(offset)
      offset += chunks.uncompressedSizeOf(id)
      // The record of a batched chunk says nothing of where it is: the chunk table does, as in nydus.
      if (batched) continue
      const compressed = size !== storedSize(uncompressedSize, encrypted)
      const flags = compressed ? ChunkFlag.compressed : 0
      chunks.setStored(id, flags, compressedOffset, size)
    }
    if (!batched) return
    this.#batches.push({ compressedSize: size, uncompressedSize, offset: compressedOffset })
  }

  /** The stored chunks in order of their index, for the chunk table. */
  *chunkInfos(): Generator<ChunkInfo> {
    const { encrypted = false } = this.#init
    const { chunks } = this.#init
    for (let index = 0; index < this.count; index++) {
      const id = this.#ids.get(index)
      const uncompressedOffset = chunks.uncompressedOffsetOf(id)
      const uncompressedSize = chunks.uncompressedSizeOf(id)
      const batch = this.#batch.get(index)
      if (batch === NO_BATCH) {
        const flags = chunks.flagsOf(id)
        const info: ChunkInfo = {
          uncompressedOffset,
          uncompressedSize,
          compressedOffset: chunks.compressedOffsetOf(id),
          compressedSize: chunks.compressedSizeOf(id),
          compressed: (flags & ChunkFlag.compressed) !== 0,
          encrypted,
        }
        if ((flags & ChunkFlag.hasCrc32) !== 0) info.crc32 = chunks.crc32Of(id)
        yield info
      } else {
        yield {
          uncompressedOffset,
          uncompressedSize,
          compressedOffset: this.#batches[batch - 1]!.offset,
          compressedSize: 0,
          compressed: true,
          encrypted,
          batch: { batch: batch - 1, offset: this.#batchOffset.get(index) },
        }
      }
    }
  }

  /** Their digests, 32 bytes each. */
  digests(): Uint8Array {
    const digests = new Uint8Array(this.count * DIGEST_SIZE)
    for (let index = 0; index < this.count; index++) {
      this.#init.chunks.copyDigest(this.#ids.get(index), digests, index * DIGEST_SIZE)
    }
    return digests
  }

  /** The id of an equal chunk, of this layer or of the dictionary, or -1. */
  #known(digest: Uint8Array, size: number): number {
    const { chunks, dictionary } = this.#init
    const own = chunks.find(digest, size)
    if (own !== -1 || dictionary === undefined) return own
    const found = dictionary.chunks.find(digest, size)
    if (found === -1) return -1
    const blobIndex = dictionary.blobIndexOf(dictionary.chunks.blobIndexOf(found))
    return chunks.addFrom(dictionary.chunks, found, blobIndex)
  }
}
