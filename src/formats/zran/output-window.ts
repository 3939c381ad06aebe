import assert from 'node:assert/strict'
import { PIECE } from './input-window.ts'

/** How far back deflate refers. */
export const WINDOW = 32 * 1024

/** The last uncompressed bytes: the window at least, and what `hold` asked for. */
export class OutputWindow {
  readonly bytes: Uint8Array
  /** Index of the next byte. */
  at = 0
  /** Offset in the stream of `bytes[0]`. */
  #base = 0
  readonly #beforeDrop: (from: number) => void

  /**
   * `hold`: most bytes that are held at a time. `beforeDrop` is called before bytes go, with the offset of the first that
   * stays.
   */
  constructor(hold: number, beforeDrop: (from: number) => void) {
    this.bytes = new Uint8Array(WINDOW + hold + PIECE)
    this.#beforeDrop = beforeDrop
  }

  /** Bytes so far. */
  get offset(): number {
    return this.#base + this.at
  }

  /** Room for the next bytes, at least one. */
  room(): number {
    if (this.at === this.bytes.length) this.#drop()
    return this.bytes.length - this.at
  }

  /** Keeps the next `size` bytes together, so that `from` gives them. */
  hold(size: number): void {
    if (this.at + size > this.bytes.length) this.#drop()
    assert(this.at + size <= this.bytes.length, 'more than was announced')
  }

  /** A view of the bytes from `offset` to `end`. */
  view(offset: number, end = this.offset): Uint8Array {
    assert(offset >= this.#base)
    return this.bytes.subarray(offset - this.#base, end - this.#base)
  }

  #drop(): void {
    const drop = Math.max(0, this.at - WINDOW)
    this.#beforeDrop(this.#base + drop)
    this.bytes.copyWithin(0, drop, this.at)
    this.#base += drop
    this.at -= drop
  }
}
