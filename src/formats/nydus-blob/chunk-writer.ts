import { alignUp } from '../../bytes/layout.ts'
import { crc32c } from '../../bytes/crc32c.ts'
import { checkChunkAddress, type ChunkStore } from '../nydus-tree/chunk-store.ts'
import type { DigestFunction } from './chunk-digest.ts'
import type { PieceCompressor } from './chunk-codec.ts'
import type { ChunkInfo } from './chunk-info.ts'
import { ChunkFlag } from './feature.ts'

/** What a ChunkWriter works with. */
export interface ChunkWriterInit {
  /** Gets a record of every chunk that is stored, and is asked for equal ones. */
  chunks: ChunkStore
  /** Index of the blob in the blob table of its layer. */
  blobIndex: number
  digest: DigestFunction
  compressor: PieceCompressor
  /** Offsets in the uncompressed blob are multiples of this: 4096 in v6, 1 in v5 as the converter makes it. */
  alignment: number
  /**
   * Record a CRC-32C of each chunk. nydusd then checks it on every read of a v5 image, in place of the digest; a v6
   * image reads through the chunk table of the blob, which has no room for it. @default false
   */
  crc32?: boolean
  /** Names the layer in messages. */
  what: string
}

/** What became of a chunk. */
export interface WrittenChunk {
  /** Its id in the store. */
  id: number
  /** Bytes to append to the blob: a view, valid until the next call. Undefined where an equal chunk is stored. */
  stored: Uint8Array | undefined
}

/**
 * Turns the chunks of one layer into a blob's data: gives each the next place, or that of an equal chunk of the same
 * layer. The caller appends what comes out to the blob, in order.
 * Source: nydus builder/src/core/node.rs (dump_file_chunk, write_chunk_data, deduplicate_chunk).
 */
export class ChunkWriter {
  readonly #init: ChunkWriterInit
  /** Ids of the chunks stored here, in order of their index: those of the store from the first on. */
  readonly #firstId: number
  #count = 0
  #dataSize = 0
  #uncompressedSize = 0

  constructor(init: ChunkWriterInit) {
    this.#init = init
    this.#firstId = init.chunks.length
  }

  /** Chunks stored. */
  get count(): number {
    return this.#count
  }

  /** Bytes of data so far. */
  get dataSize(): number {
    return this.#dataSize
  }

  /** Size of the uncompressed blob so far, the last chunk rounded up like the others. */
  get uncompressedSize(): number {
    return this.#uncompressedSize
  }

  /** Takes one chunk: 1 byte to 16 MiB. Throws FORMAT_LIMIT_EXCEEDED past 2^24 - 1 chunks. */
  add(bytes: Uint8Array): WrittenChunk {
    const { chunks, blobIndex, alignment, compressor, what } = this.#init
    const digest = this.#init.digest(bytes)
    const known = chunks.find(digest, bytes.length)
    if (known !== -1) return { id: known, stored: undefined }
    checkChunkAddress(blobIndex, this.#count, what)
    const compressed = compressor.compress(bytes)
    const stored = compressed ?? bytes
    const crc32 = this.#init.crc32 === true ? crc32c(bytes) : 0
    const id = chunks.add({
      digest,
      blobIndex,
      index: this.#count++,
      flags:
        (compressed === undefined ? 0 : ChunkFlag.compressed) |
        (crc32 === 0 ? 0 : ChunkFlag.hasCrc32),
      compressedOffset: this.#dataSize,
      compressedSize: stored.length,
      uncompressedOffset: this.#uncompressedSize,
      uncompressedSize: bytes.length,
      crc32,
    })
    this.#dataSize += stored.length
    this.#uncompressedSize += alignUp(bytes.length, alignment)
    return { id, stored }
  }

  /** The stored chunks in order of their index, for the chunk table. */
  *chunkInfos(): Generator<ChunkInfo> {
    for (let i = 0; i < this.#count; i++) {
      const chunk = this.#init.chunks.get(this.#firstId + i)
      const compressed = (chunk.flags & ChunkFlag.compressed) !== 0
      const crc32 = (chunk.flags & ChunkFlag.hasCrc32) === 0 ? {} : { crc32: chunk.crc32 }
      yield { ...chunk, compressed, encrypted: false, ...crc32 }
    }
  }

  /** Their digests, 32 bytes each. */
  digests(): Uint8Array {
    const digests = new Uint8Array(this.#count * 32)
    for (let i = 0; i < this.#count; i++) {
      digests.set(this.#init.chunks.digestOf(this.#firstId + i), i * 32)
    }
    return digests
  }
}
