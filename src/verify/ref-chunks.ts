import type { BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import type { Digester } from '../formats/nydus-blob/algorithm.ts'
import type { ReadChunkTable } from '../formats/nydus-blob/chunk-table.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'
import type { RafsV6Blob } from '../formats/rafs-v6/layout.ts'
import { decodeContext } from '../formats/zran/context-decoder.ts'
import {
  compareChunk,
  invalidBlob,
  openChunkTables,
  type ChunkReader,
  type ChunkTables,
} from './nydus-chunks.ts'

/**
 * Chunks of a layer that is read where it is: `tables` is the Nydus blob that says where they are, `layer` has their
 * bytes, in gzip or plain; `entry`, if given, what the bootstrap says of it. Memory: the output of one context, 16 MiB at the most, and the tables.
 */
export async function refChunks(
  tables: BlobSource,
  layer: BlobSource,
  what: string,
  entry?: RafsV6Blob,
): Promise<ChunkReader> {
  return refTableChunks(layer, what, await openChunkTables(tables, what, { entry }))
}

/** The same where all of them were read back before, and the layer is not at hand: chunks can only be compared. */
export async function checkedRefChunks(
  tables: BlobSource,
  digester: Digester,
  what: string,
  entry: RafsV6Blob | undefined,
): Promise<ChunkReader> {
  const { table, digests } = await openChunkTables(tables, what, { entry })
  return {
    listedBy: digester,
    comparesOnly: true,
    compare(chunk) {
      const info = table.chunks.at(chunk.index)
      if (info === undefined) {
        throw invalidBlob(what, 0, `chunk ${chunk.index} is not in its chunk table`)
      }
      compareChunk(chunk, info, digests, what)
    },
    read: () => Promise.reject(invalidBlob(what, 0, 'the layer that it is about is not at hand')),
  }
}

/** The same where the tables are known. */
export function refTableChunks(
  layer: BlobSource,
  what: string,
  { table, digests }: ChunkTables,
): ChunkReader {
  return new RefChunkReader(layer, what, table, digests)
}

class RefChunkReader implements ChunkReader {
  readonly #layer: BlobSource
  readonly #what: string
  readonly #table: ReadChunkTable
  readonly #digests: Uint8Array | undefined
  /** The context that was inflated last: its chunks are asked for one after the other. */
  #context: { index: number; bytes: Uint8Array } | undefined = undefined

  constructor(
    layer: BlobSource,
    what: string,
    table: ReadChunkTable,
    digests: Uint8Array | undefined,
  ) {
    this.#layer = layer
    this.#what = what
    this.#table = table
    this.#digests = digests
  }

  async read(chunk: Chunk): Promise<Uint8Array> {
    const { index, uncompressedSize } = chunk
    const info = this.#table.chunks.at(index)
    if (info === undefined)
      throw invalidBlob(this.#what, 0, `chunk ${index} is not in its chunk table`)
    compareChunk(chunk, info, this.#digests, this.#what)
    if (info.zran === undefined) {
      return this.#stored(info.compressedOffset, uncompressedSize, `chunk ${index}`)
    }
    const { context, offset } = info.zran
    const bytes = await this.#inflated(context)
    if (offset + uncompressedSize > bytes.length) {
      throw invalidBlob(this.#what, 0, `chunk ${index} ends behind its context`)
    }
    return bytes.subarray(offset, offset + uncompressedSize)
  }

  async #inflated(index: number): Promise<Uint8Array> {
    if (this.#context?.index === index) return this.#context.bytes
    const { zran } = this.#table
    const context = zran?.contexts[index]
    if (context === undefined) throw invalidBlob(this.#what, 0, `there is no context ${index}`)
    const { inOffset, inLength } = context
    const stored = await this.#stored(inOffset, inLength, `context ${index}`)
    const bytes = decodeContext(zran!, index, stored, this.#what)
    this.#context = { index, bytes }
    return bytes
  }

  #stored(offset: number, size: number, part: string): Promise<Uint8Array> {
    if (offset + size > this.#layer.size) {
      throw invalidBlob(this.#what, offset, `${part} ends behind the layer`)
    }
    return this.#layer.read(offset, size)
  }
}
