import type { Digest } from '../../oci/digest.ts'
import type { StreamHash } from '../../streams/twin-hash.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import type { HostSlab } from '../../threads/known-slabs.ts'
import { openCompressor } from '../codec/open.ts'
import type { CompressBatch, CompressedBatch, MemberCodec } from './compress-batch.ts'
import { BATCH_SIZE } from './slab-size.ts'

/** The module that batch threads run. */
export const COMPRESS_BATCH = moduleBeside(import.meta.url, './compress-batch')

/**
 * Members are inflated as soon as they are compressed, and what came out of them takes the place of what went in: the
 * stream's digest, and those of its parts, are of that.
 */
export interface InflateBack {
  /** The module that batch threads run instead: its result has more, and the input holds what came out. */
  readonly module: string
  /** Takes a batch that is written, in order: what came out of its members, valid during the call. */
  take(bytes: Uint8Array, batch: CompressBatch, result: CompressedBatch): void
  /** Takes bytes of a long member, which nobody has inflated. */
  takeLong(bytes: Uint8Array): void
}

export interface MemberStreamInit {
  codec: MemberCodec
  /** Takes compressed bytes, in order; they are a view of shared memory, valid during the call. */
  write(bytes: Uint8Array): void
  /** Called with the digest of each part, 64 hex digits, in order of their ends, and what `endPart` was given. */
  onDigest(token: number, hex: string): void
  /** Takes the uncompressed stream. */
  hash: StreamHash
  /** @default the stream is digested as it was appended, and nothing is inflated */
  inflateBack?: InflateBack | undefined
}

/**
 * Cuts an uncompressed stream into gzip members or zstd frames, which batch threads compress, and writes them in order. The
 * cuts and the bytes do not depend on how the stream is appended nor on the number of threads.
 */
export class MemberStream {
  /** Where each finished member begins in the output; complete after `finish`. */
  readonly offsets: number[] = []
  readonly #host: BatchHost
  readonly #init: MemberStreamInit
  #slab: HostSlab | undefined = undefined
  #used = 0
  #memberStart = 0
  #ends: number[] = []
  #parts: number[] = []
  #tokens: number[] = []
  #members = 0
  #flushed = 0
  #written = 0
  /** Settles when all batches so far are written. */
  #tail: Promise<void> = Promise.resolve()
  #failure: { error: unknown } | undefined = undefined

  constructor(host: BatchHost, init: MemberStreamInit) {
    this.#host = host
    this.#init = init
  }

  /** Uncompressed bytes so far. */
  get size(): number {
    return this.#flushed + this.#used
  }

  /** Compressed bytes written so far. */
  get written(): number {
    return this.#written
  }

  /** The number of the member to which the next byte goes, and the bytes that it has. */
  get member(): number {
    return this.#members
  }
  get memberSize(): number {
    return this.#used - this.#memberStart
  }

  /** Tells whether `size` bytes more fit into the present member. */
  fits(size: number): boolean {
    return this.#slab !== undefined && this.#used + size <= this.#slab.input.length
  }

  /** The next byte begins a member, in which at least `room` bytes have room. */
  cut(room: number): Wait {
    this.#endMember()
    if (this.#used < BATCH_SIZE && this.fits(room)) return undefined
    return this.#nextSlab()
  }

  /** Adds bytes; a member that is full is ended and another begun. */
  append(bytes: Uint8Array): Wait {
    if (!this.fits(bytes.length)) return this.#appendInPieces(bytes)
    this.#copy(bytes)
    return undefined
  }

  /** The last `size` bytes, which lie in one member; valid until the next call. */
  last(size: number): Uint8Array {
    return this.#slab!.input.subarray(this.#used - size, this.#used)
  }

  /** The last `size` bytes, which lie in one member, are a part whose digest `onDigest` gets with `token`. */
  endPart(size: number, token: number): void {
    this.#parts.push(this.#used - size, this.#used)
    this.#tokens.push(token)
  }

  /** Ends the last member and waits until all is written. Gives the digest of the uncompressed stream. */
  async finish(): Promise<Digest> {
    await this.flush()
    return this.#init.hash.digest()
  }

  /** Ends the member and waits until all is written so far. */
  async flush(): Promise<void> {
    this.#endMember()
    this.#submit()
    await this.#tail
  }

  /**
   * Makes one gzip member of `pieces`, on this thread, whatever its size: members of `append` end where a slab does. It
   * begins at what `written` is after `flush`.
   */
  async longMember(pieces: Iterable<Uint8Array>): Promise<void> {
    await this.flush()
    const compressor = openCompressor({ format: 'gzip' })
    const start = this.#written
    const emit = (bytes: Uint8Array): void => {
      if (bytes.length === 0) return
      this.#written += bytes.length
      this.#init.write(bytes)
    }
    try {
      for (const piece of pieces) {
        this.#init.hash.update(piece)
        this.#init.inflateBack?.takeLong(piece)
        this.#flushed += piece.length
        compressor.write(piece)
        emit(compressor.take())
      }
      emit(compressor.finish())
    } finally {
      compressor.close()
    }
    this.offsets.push(start)
    this.#members++
  }

  /** Gives up what is under way; nothing may follow. */
  async abandon(): Promise<void> {
    if (this.#slab !== undefined) this.#host.giveSlab(this.#slab)
    this.#slab = undefined
    this.#used = 0
    await this.#tail
  }

  async #appendInPieces(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#slab === undefined || this.#used === this.#slab.input.length) {
        this.#endMember()
        await this.#nextSlab()
      }
      const room = this.#slab!.input.length - this.#used
      const piece = bytes.subarray(at, at + room)
      this.#copy(piece)
      at += piece.length
    }
  }

  /** Adds bytes that the slab has room for. */
  #copy(bytes: Uint8Array): void {
    if (this.#init.inflateBack === undefined) this.#init.hash.update(bytes)
    this.#slab!.input.set(bytes, this.#used)
    this.#used += bytes.length
  }

  #endMember(): void {
    if (this.#used === this.#memberStart) return
    this.#ends.push(this.#used)
    this.#memberStart = this.#used
    this.#members++
  }

  async #nextSlab(): Promise<void> {
    this.#submit()
    if (this.#slab === undefined) this.#slab = await this.#host.takeSlab()
    if (this.#failure) throw this.#failure.error
  }

  /** Hands the slab out; it holds whole members. */
  #submit(): void {
    const slab = this.#slab
    if (slab === undefined || this.#used === 0) return
    this.#flushed += this.#used
    const data: CompressBatch = {
      codec: this.#init.codec,
      ends: Uint32Array.from(this.#ends),
      parts: Uint32Array.from(this.#parts),
    }
    const module = this.#init.inflateBack?.module ?? COMPRESS_BATCH
    const result = this.#host.batch(slab, { module, data }) as Promise<CompressedBatch>
    this.#tail = this.#store(slab, data, result, this.#tail, this.#tokens)
    this.#tail.catch((error: unknown) => {
      this.#failure ??= { error }
    })
    this.#slab = undefined
    this.#used = 0
    this.#memberStart = 0
    this.#ends = []
    this.#parts = []
    this.#tokens = []
  }

  async #store(
    slab: HostSlab,
    batch: CompressBatch,
    compressed: Promise<CompressedBatch>,
    before: Promise<void>,
    tokens: number[],
  ): Promise<void> {
    await before
    const result = await compressed
    const { sizes, digests } = result
    const start = this.#written
    for (const size of sizes) {
      this.offsets.push(this.#written)
      this.#written += size
    }
    this.#init.write(slab.output.subarray(0, this.#written - start))
    const { inflateBack, hash } = this.#init
    if (inflateBack !== undefined) {
      const bytes = slab.input.subarray(0, batch.ends.at(-1))
      hash.update(bytes)
      inflateBack.take(bytes, batch, result)
    }
    this.#host.giveSlab(slab)
    for (const [i, token] of tokens.entries()) {
      this.#init.onDigest(token, digests.slice(i * 64, i * 64 + 64))
    }
  }
}
