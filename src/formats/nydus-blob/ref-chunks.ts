import type { ChunkStore } from '../nydus-tree/chunk-store.ts'
import { Column } from '../nydus-tree/column.ts'
import { newSha256Function } from './chunk-digest.ts'
import type { ChunkInfo } from './chunk-info.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { ChunkFlag } from './feature.ts'

/** Where a chunk is in a layer that is not changed: in a context of it, or as it is. */
export type RefPlace = Pick<ChunkInfo, 'compressedOffset' | 'compressedSize' | 'zran'>

const BLOCK_SIZE = 4096

/**
 * The chunks of one layer that stay where they are. Each gets a place in the uncompressed blob, or that of an equal one
 * before it. They are named by SHA-256. Source: nydus builder/src/core/node.rs (read_file_chunk, deduplicate_chunk).
 */
export class RefChunks {
  readonly #chunks: ChunkStore
  readonly #writer: ChunkWriter
  /** By index: id in the store; where it is in the layer; context and offset in it, where the layer has contexts. */
  readonly #ids = new Column(Uint32Array)
  readonly #compressedOffset = new Column(Float64Array)
  readonly #compressedSize = new Column(Uint32Array)
  readonly #context = new Column(Uint32Array)
  readonly #offset = new Column(Uint32Array)
  readonly #zran: boolean

  /** `chunks` gets a record of each; `zran`: the layer has contexts. `what` names it in messages. */
  constructor(init: { chunks: ChunkStore; blobIndex: number; zran: boolean; what: string }) {
    const { chunks, blobIndex, what } = init
    this.#chunks = chunks
    this.#zran = init.zran
    const digest = newSha256Function()
    this.#writer = new ChunkWriter({ chunks, blobIndex, digest, alignment: BLOCK_SIZE, what })
  }

  /** Chunks that are not equal to one before them. */
  get count(): number {
    return this.#writer.count
  }

  /** Size of the uncompressed blob, the last chunk rounded up like the others. */
  get uncompressedSize(): number {
    return this.#writer.uncompressedSize
  }

  /** Takes one chunk, and gives its id in the store. Throws FORMAT_LIMIT_EXCEEDED past 2^24 - 1 chunks. */
  add(bytes: Uint8Array, { compressedOffset, compressedSize, zran }: RefPlace): number {
    const { id, fresh } = this.#writer.place(bytes)
    if (!fresh) return id
    const flags = zran === undefined ? 0 : ChunkFlag.compressed
    this.#chunks.setStored(id, flags, compressedOffset, compressedSize)
    this.#ids.push(id)
    this.#compressedOffset.push(compressedOffset)
    this.#compressedSize.push(compressedSize)
    this.#context.push(zran?.context ?? 0)
    this.#offset.push(zran?.offset ?? 0)
    return id
  }

  /** Numbers the contexts that chunks refer to from 0 on; gives the numbers they had, in that order. */
  renumberContexts(): number[] {
    const used: number[] = []
    for (let index = 0; index < this.count; index++) {
      const context = this.#context.get(index)
      // Chunks are added in the order of their contexts.
      if (used.at(-1) !== context) used.push(context)
      this.#context.set(index, used.length - 1)
    }
    return used
  }

  /** The chunks in order of their index, for the chunk table. */
  *chunkInfos(): Generator<ChunkInfo> {
    for (let index = 0; index < this.count; index++) {
      const id = this.#ids.get(index)
      yield {
        uncompressedOffset: this.#chunks.uncompressedOffsetOf(id),
        uncompressedSize: this.#chunks.uncompressedSizeOf(id),
        compressedOffset: this.#compressedOffset.get(index),
        compressedSize: this.#compressedSize.get(index),
        compressed: this.#zran,
        encrypted: false,
        ...(this.#zran
          ? { zran: { context: this.#context.get(index), offset: this.#offset.get(index) } }
          : {}),
      }
    }
  }

  /** Their digests, 32 bytes each. */
  digests(): Uint8Array {
    return this.#writer.digests()
  }
}
