/**
 * Chunks cut by content, where containers/storage cuts them, so that parts of files are found again in blobs that
 * podman pushed, and behind an insertion. Source: containers/storage pkg/chunked/compressor/compressor.go
 * (`holesFinder`, `rollingChecksumReader`), pkg/chunked/compressor/rollsum.go.
 */
import type { ChunkCuts, CutPiece } from './chunk-cuts.ts'

/** A run of so many zero bytes is a chunk of its own, however long. */
const ZERO_RUN = 1024
/** Bytes of which the sum is taken; a power of 2. */
const WINDOW = 64
/** Added to each byte, so that zeros count. */
const OFFSET = 31
/** A chunk ends where these bits of the sum are set: after 64 KiB on average. */
const MASK = 0xffff
const ZEROS = new Uint8Array(ZERO_RUN)

/** Most bytes of a chunk: what content like any other hardly ever reaches. The reference has no bound. */
export const LARGEST_ROLLING_CHUNK = 1024 * 1024

/**
 * A chunk ends where a sum over the last 64 bytes of the file has its lower 16 bits set, and before and behind a run
 * of 1 KiB of zeros or more. Other than the reference, chunks of data are at least `smallest` and all at most `largest`
 * bytes; only before a run of zeros and at the end of a file they may be smaller. Periodic content, where the reference
 * makes chunks of some 50 bytes, would else need more room for its rows than for itself.
 */
export class RollingCuts implements ChunkCuts {
  readonly largest: number
  readonly #smallest: number
  readonly #window = new Uint8Array(WINDOW)
  #at = 0
  #sum = 0
  #weighted = 0
  /** Offsets in the file: its end, what was scanned, what was given out, and where the chunk begins. */
  #size = 0
  #scanned = 0
  #given = 0
  #chunkStart = 0
  /** Zeros that were scanned last; as long as they are fewer than ZERO_RUN they are not given out. */
  #zeros = 0
  /** The ends of chunks that were found and not given out. */
  #ends: { at: number; kind: 'data' | 'zeros' }[] = []
  #pieces: Generator<CutPiece, void> | undefined = undefined

  constructor(smallest: number, largest = LARGEST_ROLLING_CHUNK) {
    this.#smallest = smallest
    this.largest = largest
  }

  begin(size: number): void {
    this.#window.fill(0)
    this.#at = 0
    this.#sum = WINDOW * OFFSET
    this.#weighted = WINDOW * (WINDOW - 1) * OFFSET
    this.#size = size
    this.#scanned = this.#given = this.#chunkStart = this.#zeros = 0
  }

  push(bytes: Uint8Array): void {
    this.#pieces = this.#cut(bytes)
  }

  next(): CutPiece | undefined {
    return this.#pieces?.next().value ?? undefined
  }

  *#cut(bytes: Uint8Array): Generator<CutPiece, void> {
    const start = this.#scanned
    this.#scan(bytes)
    for (const { at, kind } of this.#ends) {
      yield* this.#give(bytes, start, at, kind)
    }
    this.#ends = []
    const known = this.#scanned - (this.#zeros < ZERO_RUN ? this.#zeros : 0)
    if (known > this.#given) yield* this.#give(bytes, start, known, undefined)
  }

  /** What comes before `end`, first the zeros that were held; `bytes` begin at `start`. All are offsets in the file. */
  *#give(
    bytes: Uint8Array,
    start: number,
    end: number,
    ends: CutPiece['ends'],
  ): Generator<CutPiece, void> {
    const zeros = ZEROS.subarray(0, Math.max(0, Math.min(end, start) - this.#given))
    const from = Math.max(0, this.#given - start)
    this.#given = end
    if (end <= start) yield { bytes: zeros, ends }
    else {
      if (zeros.length > 0) yield { bytes: zeros, ends: undefined }
      yield { bytes: bytes.subarray(from, end - start), ends }
    }
  }

  #scan(bytes: Uint8Array): void {
    const start = this.#scanned
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      if (byte === 0) {
        this.#zero(start + i + 1)
        continue
      }
      if (this.#zeros > 0) this.#endZeros(start + i)
      this.#roll(byte, start + i + 1)
    }
    this.#scanned = start + bytes.length
    if (this.#scanned < this.#size) return
    if (this.#zeros > 0) this.#endZeros(this.#size)
    if (this.#chunkStart < this.#size) this.#end(this.#size, 'data')
  }

  /** A zero, with which the bytes up to `end` are scanned. */
  #zero(end: number): void {
    this.#zeros++
    if (this.#zeros === ZERO_RUN && end - ZERO_RUN > this.#chunkStart) {
      this.#end(end - ZERO_RUN, 'data')
    }
    if (this.#zeros >= ZERO_RUN && end - this.#chunkStart === this.largest) this.#end(end, 'zeros')
  }

  /** The run of zeros ends at `end`. */
  #endZeros(end: number): void {
    const count = this.#zeros
    this.#zeros = 0
    if (count < ZERO_RUN) {
      for (let at = end - count; at < end; at++) this.#roll(0, at + 1)
      return
    }
    if (end > this.#chunkStart) this.#end(end, 'zeros')
    // More of them do not change the sum.
    this.#window.fill(0)
    this.#sum = WINDOW * OFFSET
    this.#weighted = WINDOW * (WINDOW - 1) * OFFSET
  }

  #roll(byte: number, end: number): void {
    const dropped = this.#window[this.#at]!
    this.#window[this.#at] = byte
    this.#at = (this.#at + 1) & (WINDOW - 1)
    this.#sum = (this.#sum + byte - dropped) | 0
    this.#weighted = (this.#weighted + this.#sum - WINDOW * (dropped + OFFSET)) | 0
    const length = end - this.#chunkStart
    const found = (this.#weighted & MASK) === MASK && length >= this.#smallest
    if (found || length === this.largest) this.#end(end, 'data')
  }

  #end(at: number, kind: 'data' | 'zeros'): void {
    this.#ends.push({ at, kind })
    this.#chunkStart = at
  }
}
