import assert from 'node:assert/strict'

const EMPTY = new Uint8Array(0)

/** The piece that a pull parser reads from, how far it has come, and where that lies in the whole. */
export class Feed {
  /** The piece. */
  bytes: Uint8Array = EMPTY
  /** Where in the piece the next byte is. */
  at = 0
  /** Where the piece begins in the whole. */
  base = 0
  #ended = false

  /** Bytes read so far. */
  get offset(): number {
    return this.base + this.at
  }

  /** Bytes of the piece that are not read. */
  get left(): number {
    return this.bytes.length - this.at
  }

  /** There are no more pieces. */
  get ended(): boolean {
    return this.#ended
  }

  /** Gives the next piece; the last must have been read. */
  push(bytes: Uint8Array): void {
    assert(!this.#ended, 'push after end')
    assert(this.left === 0, 'push before the last piece was read')
    this.base += this.bytes.length
    this.bytes = bytes
    this.at = 0
  }

  /** Says that there are no more pieces. */
  end(): void {
    this.#ended = true
  }

  /** Goes over `size` bytes that come next, in no piece; the last must have been read. */
  pass(size: number): void {
    this.push(EMPTY)
    this.base += size
  }

  /** A view of the next bytes, at most `length`; undefined when the piece is used up. */
  take(length: number): Uint8Array | undefined {
    const start = this.at
    const end = Math.min(this.bytes.length, start + length)
    if (end === start) return undefined
    this.at = end
    if (start === 0 && end === this.bytes.length) return this.bytes
    return this.bytes.subarray(start, end)
  }

  /** Goes over at most `length` bytes; gives how many. */
  skip(length: number): number {
    const skipped = Math.min(length, this.left)
    this.at += skipped
    return skipped
  }
}
