import { AccelError } from '../errors/accel-error.ts'
import { readChunkTable } from '../formats/nydus-blob/blob-reader.ts'
import { digestFunction } from '../formats/nydus-blob/chunk-digest.ts'
import type { ReadChunkTable } from '../formats/nydus-blob/chunk-table.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'
import { compareBytes } from '../formats/nydus-tree/name-order.ts'
import { invalidBlob, tableChunks, v5Chunks, type ChunkReader } from '../verify/nydus-chunks.ts'
import type { NydusBlob } from '../verify/nydus-image.ts'
import { refTableChunks } from '../verify/ref-chunks.ts'
import { planRecordFetches, planTableFetches, type ChunkFetch } from './nydus-fetch.ts'
import type { SparseBlob } from './sparse-blob.ts'

/** A blob of a Nydus image as nydusd has it open: chunks that were asked for are there, and those that came along. */
export class OpenedNydusBlob {
  readonly #what: string
  readonly #entry: NydusBlob
  readonly #data: SparseBlob
  readonly #chunks: ChunkReader
  /** v6 alone. */
  readonly #table: ReadChunkTable | undefined
  readonly #ready = new Set<number>()

  private constructor(
    what: string,
    entry: NydusBlob,
    init: { data: SparseBlob; chunks: ChunkReader; table?: ReadChunkTable },
  ) {
    this.#what = what
    this.#entry = entry
    this.#data = init.data
    this.#chunks = init.chunks
    this.#table = init.table
  }

  /**
   * Opens the blob of an entry of the bootstrap. `data` has its chunks; `tables` its chunk table, which is fetched in one
   * request: the same blob, or, for a layer that is read where it is, another. A v5 blob has none.
   * Source: nydus storage/src/meta/mod.rs (read_metadata).
   */
  static async open(
    entry: NydusBlob,
    { data, tables }: { data: SparseBlob; tables: SparseBlob },
    what: string,
  ): Promise<OpenedNydusBlob> {
    const { compressor, cipher, table: place, tablesId } = entry
    if (place === undefined) {
      const chunks = v5Chunks(data, { what, compressor })
      return new OpenedNydusBlob(what, entry, { data, chunks })
    }
    const fetched = {
      size: tables.size,
      async read(offset: number, length: number): Promise<Uint8Array> {
        await tables.fetch(offset, length)
        return tables.read(offset, length)
      },
    }
    const table = await readChunkTable(fetched, place, what, cipher)
    const chunks =
      tablesId === undefined
        ? tableChunks(data, { what, compressor, cipher }, { table })
        : refTableChunks(data, what, { table })
    return new OpenedNydusBlob(what, entry, { data, chunks, table })
  }

  /** Fetches what is lacking of the chunks of one read; `following` is what a larger read would touch. */
  async fetch(wanted: readonly Chunk[], following: Iterable<Chunk>): Promise<void> {
    const isReady = (index: number): boolean => this.#ready.has(index)
    const table = this.#table
    const outside = wanted.find(({ index }) => table !== undefined && index >= table.chunks.length)
    if (outside !== undefined) {
      throw invalidBlob(this.#what, 0, `chunk ${outside.index} is not in its chunk table`)
    }
    const fetches: ChunkFetch[] =
      table === undefined
        ? planRecordFetches(wanted, following, ({ index }) => isReady(index))
        : planTableFetches(
            table,
            wanted.map(({ index }) => index),
            isReady,
          )
    for (const { offset, length, chunks } of fetches) {
      if (offset + length > this.#data.size) {
        throw invalidBlob(this.#what, offset, 'a chunk ends behind the blob')
      }
      await this.#data.fetch(offset, length)
      for (const index of chunks) this.#ready.add(index)
    }
  }

  /** The bytes of a chunk that is there, held to the digest that the bootstrap has. Throws FORMAT_…, CONTENT_…. */
  async read(chunk: Chunk): Promise<Uint8Array> {
    const bytes = await this.#chunks.read(chunk)
    const { digester } = this.#entry
    const got = digestFunction(digester)(bytes)
    if (compareBytes(got, chunk.digest) === 0) return bytes
    throw new AccelError('CONTENT_DIGEST_MISMATCH', {
      what: `${this.#what}, chunk ${chunk.index}`,
      want: `${digester}:${Buffer.from(chunk.digest).toString('hex')}`,
      got: `${digester}:${Buffer.from(got).toString('hex')}`,
      size: bytes.length,
    })
  }
}
