import assert from 'node:assert/strict'

const EMPTY = new Uint8Array(0)

/** The piece being read, and where it lies in the whole. */
export class Feed {
  #piece: Uint8Array = EMPTY
  #at = 0
  /** Where `#piece` begins. */
  #base = 0
  #ended = false

  /** Bytes read so far. */
  get offset(): number {
    return this.#base + this.#at
  }

  /** Bytes of the piece that are not read. */
  get left(): number {
    return this.#piece.length - this.#at
  }

  /** There are no more pieces. */
  get ended(): boolean {
    return this.#ended
  }

  push(piece: Uint8Array): void {
    assert(!this.#ended, 'push after end')
    assert(this.#at === this.#piece.length, 'push before the last piece was read')
    this.#base += this.#piece.length
    this.#piece = piece
    this.#at = 0
  }

  end(): void {
    this.#ended = true
  }

  /** A view of the next bytes, at most `length`; undefined when the piece is used up. */
  take(length: number): Uint8Array | undefined {
    const start = this.#at
    const end = Math.min(this.#piece.length, start + length)
    if (end === start) return undefined
    this.#at = end
    if (start === 0 && end === this.#piece.length) return this.#piece
    return this.#piece.subarray(start, end)
  }

  /** Goes over at most `length` bytes; gives how many. */
  skip(length: number): number {
    const skipped = Math.min(length, this.left)
    this.#at += skipped
    return skipped
  }
}
