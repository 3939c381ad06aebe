import type { TarFault } from './fault.ts'
import type { Feed } from '../../bytes/feed.ts'
import { BLOCK_SIZE } from './layout.ts'

/** The header blocks of the entry under way, collected from the pieces, and behind them the record being read. */
export class HeaderBlocks {
  bytes: Buffer
  /** The same memory. */
  words: Int32Array
  /** Where the record being read begins in `bytes`. */
  start = 0
  #length = 0
  #all: Uint8Array = new Uint8Array()
  #missing = BLOCK_SIZE
  readonly #fault: TarFault

  constructor(fault: TarFault) {
    this.#fault = fault
    this.bytes = Buffer.allocUnsafeSlow(8 * BLOCK_SIZE)
    this.words = new Int32Array(this.bytes.buffer)
  }

  /** Bytes that the record lacks. */
  get missing(): number {
    return this.#missing
  }

  /** Collects what is there of the record; true when it is complete. */
  fill(feed: Feed): boolean {
    const bytes = feed.take(this.#missing)
    if (bytes !== undefined) {
      this.#reserve(this.#length + this.#missing)
      this.bytes.set(bytes, this.#length)
      this.#length += bytes.length
      this.#missing -= bytes.length
    }
    return this.#missing === 0
  }

  /** The record is kept; another of `size` bytes follows it. */
  expect(size: number): void {
    this.start = this.#length
    this.#missing = size
  }

  /** The record, and what precedes it from `start` on, is not kept; a block is next. */
  dropTo(start: number): void {
    this.#length = start
    this.expect(BLOCK_SIZE)
  }

  /** All that is kept. A view that nearly all entries have in common: most have one block. */
  all(): Uint8Array {
    if (this.#all.length !== this.#length || this.#all.buffer !== this.bytes.buffer) {
      this.#all = new Uint8Array(this.bytes.buffer, 0, this.#length)
    }
    return this.#all
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return
    this.#fault.check('header', size, 'header blocks of one entry, bytes')
    // Whole blocks, so that `words` covers it.
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)))
    larger.set(this.bytes.subarray(0, this.#length))
    this.bytes = larger
    this.words = new Int32Array(larger.buffer)
  }
}
