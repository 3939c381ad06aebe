import assert from 'node:assert/strict'
import { AccelError } from '../../errors/accel-error.ts'

/**
 * zlib is given input in pieces that end at multiples of this, however it came: how far it reads ahead where the output
 * is full depends on that. The same as nydus utils/src/compress/zlib_random.rs (ZRAN_READER_BUF_SIZE).
 */
export const PIECE = 64 * 1024

/** Most that is kept, of two blocks: blocks of common programs have 10 KiB to 300 KiB. */
const MAX_KEPT = 16 * 1024 * 1024

/** Compressed bytes on their way through: those to be read, and some behind them that may be looked at again. */
export class InputWindow {
  /** The bytes: those of index `at` to `end` are to be read. */
  bytes = new Uint8Array(4 * PIECE)
  /** Index of the next byte. */
  at = 0
  /** Index behind the last byte loaded. */
  end = 0
  /** Offset in the stream of the first byte to be kept; all before it may go. */
  keepFrom = 0
  /** All pieces were given. */
  ended = false
  readonly #what: string
  /** Offset in the stream of `bytes[0]`. */
  #base = 0
  #piece: Uint8Array = new Uint8Array(0)
  #pieceAt = 0

  constructor(what: string) {
    this.#what = what
  }

  /** Bytes read. */
  get offset(): number {
    return this.#base + this.at
  }

  /** Gives the next piece. It must stay unchanged until `load` said no. */
  push(bytes: Uint8Array): void {
    assert(!this.ended && this.#pieceAt === this.#piece.length, 'push too early')
    this.#piece = bytes
    this.#pieceAt = 0
  }

  /** Index of a byte that is kept. */
  indexOf(offset: number): number {
    assert(offset >= this.#base)
    return offset - this.#base
  }

  /** Index of the end of what zlib may be given next; undefined where it is not there yet. */
  pieceEnd(): number | undefined {
    const next = this.offset - (this.offset % PIECE) + PIECE
    return this.load(next - this.offset) ? next - this.#base : this.ended ? this.end : undefined
  }

  /** Whether `size` bytes from `at` on are loaded. Throws ZRAN_LAYER_UNSUITABLE where too much would have to be kept. */
  load(size: number): boolean {
    const missing = size - (this.end - this.at)
    if (missing <= 0) return true
    const count = Math.min(missing, this.#piece.length - this.#pieceAt)
    if (this.end + count > this.bytes.length) this.#makeRoom(count)
    this.bytes.set(this.#piece.subarray(this.#pieceAt, this.#pieceAt + count), this.end)
    this.#pieceAt += count
    this.end += count
    return count === missing
  }

  #makeRoom(count: number): void {
    const drop = Math.max(0, Math.min(this.at, this.keepFrom - this.#base))
    const kept = this.end - drop
    if (kept + count <= this.bytes.length / 2) this.bytes.copyWithin(0, drop, this.end)
    else {
      if (kept > MAX_KEPT) {
        const problem = `two of its deflate blocks have ${kept} bytes, the limit is ${MAX_KEPT}`
        throw new AccelError('ZRAN_LAYER_UNSUITABLE', { what: this.#what, problem })
      }
      const larger = new Uint8Array(2 * this.bytes.length)
      larger.set(this.bytes.subarray(drop, this.end))
      this.bytes = larger
    }
    this.#base += drop
    this.at -= drop
    this.end = kept
  }
}
