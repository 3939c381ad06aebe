import { strict as assert } from 'node:assert'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import type { HostSlab } from '../../threads/known-slabs.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import type { ChunkWriter } from './chunk-writer.ts'
import type { BlobCipher } from './cipher.ts'
import type { CompressedPieces, PieceBatch, PieceCodec } from './compress-pieces.ts'
import { HAND_OUT_PIECES, HAND_OUT_SIZE } from './slab-size.ts'

/** The module that batch threads run. */
const COMPRESS_PIECES = moduleBeside(import.meta.url, './compress-pieces')

export interface ChunkStreamInit {
  writer: ChunkWriter
  codec: PieceCodec
  /** Of the blob, where it is encrypted. */
  cipher?: BlobCipher | undefined
  /** As ChunkCut. */
  batchSize: number
  /** Takes the blob's data, in order; a view of shared memory, valid during the call. */
  write(bytes: Uint8Array): void
}

/** Bytes of the present slab that are stored as one piece. */
interface Piece {
  end: number
  ids: number[]
  batched: boolean
}

/**
 * Cuts content into chunks, of which equal ones are stored once, and has them compressed by batch threads: a chunk is
 * copied once, into shared memory, digested there, and either given out or overwritten by the next. Memory: the slabs
 * that the host gives. The bytes do not depend on how content is appended nor on the number of threads.
 */
export class ChunkStream {
  readonly #host: BatchHost
  readonly #init: ChunkStreamInit
  #slab: HostSlab | undefined = undefined
  /** Where the chunk under way begins in the slab, and how much of it is there. */
  #start = 0
  #filled = 0
  /** Bytes that it will have, and whether it may go into a batch. */
  #size = 0
  #batchable = false
  #pieces: Piece[] = []
  /** The last piece is a batch that may get more. */
  #batchOpen = false
  /** Settles when all slabs so far are written. */
  #tail: Promise<void> = Promise.resolve()
  #failure: { error: unknown } | undefined = undefined

  constructor(host: BatchHost, init: ChunkStreamInit) {
    this.#host = host
    this.#init = init
  }

  /** Begins a chunk of `size` bytes; `whole`: it is all of its file. */
  begin(size: number, whole: boolean): Wait {
    const { batchSize } = this.#init
    this.#size = size
    this.#filled = 0
    this.#batchable = whole && size < batchSize / 2
    const pending = this.#pieces.at(-1)
    if (this.#batchOpen && pending !== undefined) {
      const begun = this.#pieces.at(-2)?.end ?? 0
      if (this.#batchable && pending.end - begun + size < batchSize) return undefined
      this.#batchOpen = false
    }
    const room = this.#batchable ? batchSize : size
    const full = this.#init.cipher !== undefined && this.#pieces.length >= HAND_OUT_PIECES
    if (this.#slab !== undefined && this.#start < HAND_OUT_SIZE && !full) {
      if (this.#start + room <= this.#slab.input.length) return undefined
    }
    return this.#nextSlab()
  }

  /** Adds bytes to the chunk, no more than it still lacks. */
  append(bytes: Uint8Array): void {
    assert.ok(this.#filled + bytes.length <= this.#size, 'a chunk of the size that was announced')
    this.#slab!.input.set(bytes, this.#start + this.#filled)
    this.#filled += bytes.length
  }

  /** Ends the chunk; gives its id. Throws FORMAT_LIMIT_EXCEEDED. */
  end(): number {
    assert.equal(this.#filled, this.#size, 'a chunk of the size that was announced')
    const end = this.#start + this.#size
    const { id, fresh } = this.#init.writer.place(this.#slab!.input.subarray(this.#start, end))
    if (!fresh) return id
    this.#start = end
    const last = this.#pieces.at(-1)
    if (this.#batchOpen && last !== undefined) {
      last.end = end
      last.ids.push(id)
    } else {
      this.#pieces.push({ end, ids: [id], batched: this.#batchable })
      this.#batchOpen = this.#batchable
    }
    return id
  }

  /** Waits until all is written. */
  async finish(): Promise<void> {
    this.#submit()
    if (this.#slab !== undefined) this.#host.giveSlab(this.#slab)
    this.#slab = undefined
    await this.#tail
  }

  async #nextSlab(): Promise<void> {
    this.#submit()
    if (this.#slab === undefined) this.#slab = await this.#host.takeSlab()
    if (this.#failure) throw this.#failure.error
  }

  /** Hands the slab out, if there is something in it. */
  #submit(): void {
    const slab = this.#slab
    const pieces = this.#pieces
    this.#batchOpen = false
    this.#start = 0
    if (slab === undefined || pieces.length === 0) return
    this.#pieces = []
    const { codec, cipher } = this.#init
    const ends = Uint32Array.from(pieces, ({ end }) => end)
    if (codec.compressor === 'none' && cipher === undefined) {
      this.#store(
        pieces,
        slab.input,
        ends.map((end, i) => end - (ends[i - 1] ?? 0)),
      )
      return
    }
    this.#slab = undefined
    const data: PieceBatch = { codec, ends, ...(cipher === undefined ? {} : { cipher }) }
    const result = this.#host.batch(slab, { module: COMPRESS_PIECES, data })
    this.#tail = this.#storeLater(slab, pieces, result as Promise<CompressedPieces>, this.#tail)
    this.#tail.catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }

  async #storeLater(
    slab: HostSlab,
    pieces: readonly Piece[],
    result: Promise<CompressedPieces>,
    before: Promise<void>,
  ): Promise<void> {
    await before
    const { sizes } = await result
    this.#store(pieces, slab.output, sizes)
    this.#host.giveSlab(slab)
  }

  #store(pieces: readonly Piece[], stored: Uint8Array, sizes: Uint32Array): void {
    let size = 0
    for (const [i, { end, ids, batched }] of pieces.entries()) {
      const uncompressedSize = end - (pieces[i - 1]?.end ?? 0)
      this.#init.writer.stored({ ids, batched, size: sizes[i]!, uncompressedSize })
      size += sizes[i]!
    }
    this.#init.write(stored.subarray(0, size))
  }
}
