import { AccelError } from '../errors/accel-error.ts'
import type { Compressor, Digester } from '../formats/nydus-blob/algorithm.ts'
import { BlobReader, type BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { type BlobCipher, decryptPiece } from '../formats/nydus-blob/cipher.ts'
import { decompressPiece, viewPiece } from '../formats/nydus-blob/chunk-codec.ts'
import type { ChunkInfo } from '../formats/nydus-blob/chunk-info.ts'
import type { ReadChunkTable } from '../formats/nydus-blob/chunk-table.ts'
import { ChunkFlag } from '../formats/nydus-blob/feature.ts'
import { compareBytes } from '../formats/nydus-tree/name-order.ts'
import type { RafsV6Blob } from '../formats/rafs-v6/layout.ts'
import { entryProblem } from './bootstrap-tables.ts'
import { DIGEST_SIZE, type Chunk } from '../formats/nydus-tree/chunk-store.ts'

/** Gives the bytes of chunks of one blob, as nydusd finds them. */
export interface ChunkReader {
  /** The uncompressed bytes, not yet held to their digest, valid until the next call. Throws FORMAT_…, CONTENT_…. */
  read(chunk: Chunk): Promise<Uint8Array>
  /**
   * Present where all chunks of the blob were read back before: holds the record of a chunk to the tables of the blob,
   * so that its bytes have its digest without being read. Throws FORMAT_INVALID.
   */
  compare?(chunk: Chunk): void
  /** With what the source's listing digests files whose chunks are here, where these were read back. @default CONTENT_DIGESTER */
  readonly listedBy?: Digester
  /** Its bytes are not at hand: chunks can only be compared. */
  readonly comparesOnly?: boolean
}

/** What is read of a blob: its id names it in messages. */
export interface OpenBlobInit {
  what: string
  compressor: Compressor
  /** Of an encrypted blob. */
  cipher?: BlobCipher | undefined
  /** What the bootstrap says of it; held to its chunk table. */
  entry?: RafsV6Blob | undefined
}

/** Chunks of a v5 blob: the bootstrap says where they are. */
export function v5Chunks(source: BlobSource, { what, compressor }: OpenBlobInit): ChunkReader {
  return {
    async read(chunk) {
      const { compressedOffset, compressedSize, uncompressedSize, flags, index } = chunk
      if (compressedOffset + compressedSize > source.size) {
        throw invalidBlob(what, compressedOffset, `chunk ${index} ends behind the blob`)
      }
      const stored = await source.read(compressedOffset, compressedSize)
      const codec = (flags & ChunkFlag.compressed) === 0 ? 'none' : compressor
      return viewPiece(stored, codec, uncompressedSize, `${what}, chunk ${index}`)
    },
  }
}

/**
 * Chunks of a native v6 blob: its own chunk table says where they are, and its digest array what they must be. Every
 * record of the bootstrap is held to both. `checked`: its ToC and chunks were read back before.
 */
export async function v6Chunks(
  source: BlobSource,
  init: OpenBlobInit,
  checked = false,
): Promise<ChunkReader> {
  const { what, cipher, entry } = init
  if (!checked) return tableChunks(source, init, await openChunkTables(source, what, init))
  const blob = await BlobReader.open(source, what, cipher)
  const tables = await readChunkTables(blob, what, entry)
  return new CheckedTableChunks(source, init, tables.table, tables.digests)
}

/** What a Nydus blob says of its chunks: where they are, and what they must be, if it says that. */
export interface ChunkTables {
  table: ReadChunkTable
  digests?: Uint8Array | undefined
}

/** Chunks of a native v6 blob whose tables are known. */
export function tableChunks(
  source: BlobSource,
  init: OpenBlobInit,
  { table, digests }: ChunkTables,
): ChunkReader {
  return new TableChunks(source, init, table, digests)
}

/** What a Nydus blob says of its chunks, its ToC checked. Throws FORMAT_…. */
export async function openChunkTables(
  source: BlobSource,
  what: string,
  { cipher, entry }: Pick<OpenBlobInit, 'cipher' | 'entry'> = {},
): Promise<ChunkTables> {
  const blob = await BlobReader.open(source, what, cipher)
  const tables = await readChunkTables(blob, what, entry)
  await blob.checkToc()
  return tables
}

async function readChunkTables(
  blob: BlobReader,
  what: string,
  entry: RafsV6Blob | undefined,
): Promise<ChunkTables> {
  const table = await blob.chunkTable(entry)
  if (table === undefined) throw invalidBlob(what, 0, 'it has no chunk table')
  const problem = entry && entryProblem(entry, table.header)
  if (problem !== undefined) throw invalidBlob(what, table.header.ciOffset, problem)
  return { table, digests: await blob.digests() }
}

class TableChunks implements ChunkReader {
  readonly #source: BlobSource
  readonly #what: string
  readonly #compressor: Compressor
  readonly #cipher: BlobCipher | undefined
  readonly #table: ReadChunkTable
  readonly #digests: Uint8Array | undefined
  /** The batch that was decompressed last: its chunks are asked for one after the other. */
  #batch: { number: number; bytes: Uint8Array } | undefined = undefined

  constructor(
    source: BlobSource,
    { what, compressor, cipher }: OpenBlobInit,
    table: ReadChunkTable,
    digests: Uint8Array | undefined,
  ) {
    this.#source = source
    this.#what = what
    this.#compressor = compressor
    this.#cipher = cipher
    this.#table = table
    this.#digests = digests
  }

  async read(chunk: Chunk): Promise<Uint8Array> {
    const { index } = chunk
    const info = this.info(chunk)
    if (info.batch !== undefined) return this.#fromBatch(chunk, info, info.batch)
    const stored = this.#plain(
      await this.#stored(info.compressedOffset, info.compressedSize, index),
      info,
      index,
    )
    const codec = info.compressed ? this.#compressor : 'none'
    return viewPiece(stored, codec, info.uncompressedSize, `${this.#what}, chunk ${index}`)
  }

  /** What its table says of a chunk. Throws FORMAT_INVALID where the bootstrap says another thing. */
  protected info(chunk: Chunk): ChunkInfo {
    const { index } = chunk
    const info = this.#table.chunks.at(index)
    if (info === undefined)
      throw invalidBlob(this.#what, 0, `chunk ${index} is not in its chunk table`)
    compareChunk(chunk, info, this.#digests, this.#what)
    return info
  }

  async #fromBatch(
    { index, uncompressedSize }: Chunk,
    info: ChunkInfo,
    { batch, offset }: { batch: number; offset: number },
  ): Promise<Uint8Array> {
    const context = this.#table.batches?.[batch]
    if (context === undefined) throw invalidBlob(this.#what, 0, `chunk ${index} is in no batch`)
    if (this.#batch?.number !== batch) {
      const stored = await this.#stored(info.compressedOffset, context.compressedSize, index)
      const codec = context.compressedSize < context.uncompressedSize ? this.#compressor : 'none'
      const what = `${this.#what}, batch ${batch}`
      const bytes = decompressPiece(stored, codec, context.uncompressedSize, what)
      this.#batch = { number: batch, bytes }
    }
    if (offset + uncompressedSize > this.#batch.bytes.length) {
      throw invalidBlob(this.#what, 0, `chunk ${index} ends behind its batch`)
    }
    return this.#batch.bytes.subarray(offset, offset + uncompressedSize)
  }

  #plain(stored: Uint8Array, { encrypted }: ChunkInfo, index: number): Uint8Array {
    if (!encrypted) return stored
    if (this.#cipher !== undefined) {
      return decryptPiece(stored, this.#cipher, `${this.#what}, chunk ${index}`)
    }
    throw invalidBlob(this.#what, 0, `chunk ${index} is encrypted, and the bootstrap has no key`)
  }

  async #stored(offset: number, size: number, index: number): Promise<Uint8Array> {
    if (offset + size > this.#source.size) {
      throw invalidBlob(this.#what, offset, `chunk ${index} ends behind the blob`)
    }
    return this.#source.read(offset, size)
  }
}

/** Chunks that were all read back before. */
class CheckedTableChunks extends TableChunks {
  compare(chunk: Chunk): void {
    this.info(chunk)
  }
}

/** Holds the record of a chunk in the bootstrap to the tables of its blob. Throws FORMAT_INVALID. */
export function compareChunk(
  chunk: Chunk,
  info: ChunkInfo,
  digests: Uint8Array | undefined,
  what: string,
): void {
  const { index } = chunk
  const digest = digests?.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE)
  if (digest !== undefined && compareBytes(digest, chunk.digest) !== 0) {
    throw invalidBlob(what, 0, `chunk ${index} has another digest than the bootstrap says`)
  }
  const compressed = (chunk.flags & ChunkFlag.compressed) !== 0
  if (info.batch === undefined && info.zran === undefined && info.compressed !== compressed) {
    const said = compressed ? '' : 'not '
    throw invalidBlob(what, 0, `the bootstrap says that chunk ${index} is ${said}compressed`)
  }
  const same =
    info.uncompressedOffset === chunk.uncompressedOffset &&
    info.uncompressedSize === chunk.uncompressedSize &&
    (info.batch !== undefined ||
      (info.compressedOffset === chunk.compressedOffset &&
        info.compressedSize === chunk.compressedSize))
  if (!same) throw invalidBlob(what, 0, `chunk ${index} is elsewhere than the bootstrap says`)
}

/** What is wrong with a blob at `offset`. */
export function invalidBlob(what: string, offset: number, problem: string): AccelError {
  return new AccelError('FORMAT_INVALID', { what, format: 'Nydus blob', offset, problem })
}
