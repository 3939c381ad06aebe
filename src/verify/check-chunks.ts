import type { FileSource } from '../drivers/file-source.ts'
import type { Compressor, Digester } from '../formats/nydus-blob/algorithm.ts'
import type { ReadChunkTable } from '../formats/nydus-blob/chunk-table.ts'
import { DIGEST_SIZE } from '../formats/nydus-tree/chunk-store.ts'
import type { BatchHost } from '../threads/batch-host.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import { run, type ChunkPieces } from './chunk-pieces.ts'
import { CHECK_SLABS } from './slab-size.ts'

const CHUNK_PIECES = moduleBeside(import.meta.url, './chunk-pieces')

/** Pieces are handed out when they have so many bytes as stored, or are so many. */
const HAND_OUT_SIZE = 512 * 1024
const HAND_OUT_PIECES = 4096

/** A blob whose chunks are checked. */
export interface CheckedChunks {
  file: FileSource
  compressor: Compressor
  digester: Digester
  table: ReadChunkTable
  /** DIGEST_SIZE bytes for each chunk. */
  digests: Uint8Array
}

/** A piece as stored, and the chunks in it. */
interface Piece {
  offset: number
  stored: number
  size: number
  compressed: boolean
  /** Number, place in the piece, and bytes. */
  chunks: { index: number; offset: number; size: number }[]
}

/**
 * Reads all of the chunks of a blob from where its table says that they are, and holds them to their digests, on batch
 * threads. Gives false where something is wrong, and where a chunk is neither stored as it is nor compressed alone or in
 * a batch. Memory: the slabs that the host gives.
 */
export async function checkChunks(host: BatchHost, blob: CheckedChunks): Promise<boolean> {
  const run = new CheckRun(host, blob)
  for (const piece of piecesOf(blob.table)) {
    if (piece === undefined || !(await run.take(piece))) return false
  }
  return run.finish()
}

/** The pieces that the chunks are in, in order; undefined for what has none. */
function* piecesOf(table: ReadChunkTable): Generator<Piece | undefined> {
  let batch: (Piece & { number: number }) | undefined
  for (const [index, chunk] of table.chunks.entries()) {
    const { compressedOffset, compressedSize, uncompressedSize, compressed } = chunk
    if (batch !== undefined && chunk.batch?.batch !== batch.number) {
      yield batch
      batch = undefined
    }
    if (chunk.encrypted || chunk.zran !== undefined) {
      yield undefined
      return
    }
    if (chunk.batch === undefined) {
      const chunks = [{ index, offset: 0, size: uncompressedSize }]
      const stored = compressedSize
      yield { offset: compressedOffset, stored, size: uncompressedSize, compressed, chunks }
      continue
    }
    const { batch: number, offset } = chunk.batch
    const context = table.batches?.[number]
    if (context === undefined) {
      yield undefined
      return
    }
    batch ??= {
      number,
      offset: compressedOffset,
      stored: context.compressedSize,
      size: context.uncompressedSize,
      compressed: context.compressedSize < context.uncompressedSize,
      chunks: [],
    }
    batch.chunks.push({ index, offset, size: uncompressedSize })
  }
  if (batch !== undefined) yield batch
}

/** Collects pieces that lie behind each other, and hands them out. */
class CheckRun {
  readonly #host: BatchHost
  readonly #blob: CheckedChunks
  #pieces: Piece[] = []
  #chunks = 0
  #start = 0
  #end = 0
  #good = true
  readonly #pending = new Set<Promise<void>>()

  constructor(host: BatchHost, blob: CheckedChunks) {
    this.#host = host
    this.#blob = blob
  }

  /** False where something was wrong so far. */
  async take(piece: Piece): Promise<boolean> {
    const { offset, stored } = piece
    if (offset + stored > this.#blob.file.size) return false
    const size = this.#end - this.#start
    const full = size >= HAND_OUT_SIZE || this.#pieces.length === HAND_OUT_PIECES
    if (full || offset !== this.#end || size + stored > CHECK_SLABS.input) await this.#handOut()
    if (this.#pieces.length === 0) this.#start = offset
    this.#pieces.push(piece)
    this.#chunks += piece.chunks.length
    this.#end = offset + stored
    return this.#good
  }

  async finish(): Promise<boolean> {
    await this.#handOut()
    await Promise.all(this.#pending)
    return this.#good
  }

  async #handOut(): Promise<void> {
    if (this.#pieces.length === 0) return
    const data = this.#batch()
    const [start, size] = [this.#start, this.#end - this.#start]
    this.#pieces = []
    this.#chunks = 0
    const { file } = this.#blob
    if (size > CHECK_SLABS.input) {
      this.#good &&= run(data, await file.read(start, size))
      return
    }
    const slab = await this.#host.takeSlab()
    file.readInto(start, slab.input.subarray(0, size))
    const result = this.#host.batch(slab, { module: CHUNK_PIECES, data }) as Promise<boolean>
    const settled = result.then((good) => {
      this.#good &&= good
      this.#host.giveSlab(slab)
      this.#pending.delete(settled)
    })
    this.#pending.add(settled)
  }

  #batch(): ChunkPieces {
    const { compressor, digester, digests } = this.#blob
    const batch: ChunkPieces = {
      compressor,
      digester,
      pieces: new Uint32Array(this.#pieces.length * 4),
      chunks: new Uint32Array(this.#chunks * 2),
      digests: new Uint8Array(this.#chunks * DIGEST_SIZE),
    }
    let at = 0
    for (const [i, { stored, size, compressed, chunks }] of this.#pieces.entries()) {
      batch.pieces.set([stored, size, compressed ? 1 : 0, chunks.length], i * 4)
      for (const { index, offset, size: chunkSize } of chunks) {
        batch.chunks.set([offset, chunkSize], at * 2)
        const from = index * DIGEST_SIZE
        batch.digests.set(digests.subarray(from, from + DIGEST_SIZE), at++ * DIGEST_SIZE)
      }
    }
    return batch
  }
}
