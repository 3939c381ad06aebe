import { strict as assert } from 'node:assert'
import { viewOf } from './layout.ts'

/** Bytes of the pieces that go out. */
const PIECE_SIZE = 256 * 1024

/** Bytes of a record that is written in place. */
export const MAX_RECORD_SIZE = 8192

/**
 * A file of a known size that is written front to back and leaves in pieces, with zeros where nothing is written.
 * Small records are encoded where they are to stand (`at`), all else is copied in (`put`); after each `at` the pieces
 * that are whole are to be taken. What comes out belongs to the caller. Memory: two pieces of 256 KiB.
 */
export class FileOrder {
  /** The piece under way and room for a record that begins at its end. */
  bytes: Uint8Array
  /** The same memory. */
  view: DataView
  /** Whole pieces that nobody has taken. */
  readonly #whole: Uint8Array[] = []
  readonly #size: number
  #start = 0
  #written = 0

  /** `size`: of the file, in bytes. */
  constructor(size: number) {
    this.#size = size
    this.bytes = new Uint8Array(PIECE_SIZE + MAX_RECORD_SIZE)
    this.view = viewOf(this.bytes)
  }

  /** Pieces can be taken. */
  get hasWhole(): boolean {
    return this.#whole.length > 0
  }

  /**
   * Where in `bytes` the `length` bytes from `offset` on are to be written, until the next call; they are zeros now. At
   * most MAX_RECORD_SIZE, not before what is written, and not far behind it: pieces in between wait to be taken.
   */
  at(offset: number, length: number): number {
    this.#claim(offset, length)
    while (offset >= this.#start + PIECE_SIZE) this.#next()
    return offset - this.#start
  }

  /** The pieces that are whole, in order. */
  take(): Uint8Array[] {
    return this.#whole.splice(0)
  }

  /** Copies `bytes` in at `offset`, and gives the pieces that are whole meanwhile. */
  *put(offset: number, bytes: Uint8Array): Generator<Uint8Array> {
    this.#claim(offset, bytes.length)
    for (let taken = 0; taken < bytes.length;) {
      while (offset + taken >= this.#start + PIECE_SIZE) {
        this.#next()
        yield* this.take()
      }
      const at = offset + taken - this.#start
      const part = bytes.subarray(taken, taken + PIECE_SIZE - at)
      this.bytes.set(part, at)
      taken += part.length
    }
  }

  /** The rest of the file. */
  *end(): Generator<Uint8Array> {
    yield* this.take()
    while (this.#size - this.#start > PIECE_SIZE) {
      this.#next()
      yield* this.take()
    }
    if (this.#size > this.#start) yield this.bytes.subarray(0, this.#size - this.#start)
  }

  #claim(offset: number, length: number): void {
    if (offset < this.#written) {
      assert.fail(`bytes for ${offset} come after those for ${this.#written}`)
    }
    this.#written = offset + length
    if (this.#written > this.#size) {
      assert.fail(`bytes up to ${this.#written} in a file of ${this.#size}`)
    }
  }

  #next(): void {
    const bytes = new Uint8Array(PIECE_SIZE + MAX_RECORD_SIZE)
    bytes.set(this.bytes.subarray(PIECE_SIZE))
    this.#whole.push(this.bytes.subarray(0, PIECE_SIZE))
    this.bytes = bytes
    this.view = viewOf(bytes)
    this.#start += PIECE_SIZE
  }
}

/** Joins pieces, which come front to back, into one run of `size` bytes with zeros between them. A piece is copied at once. */
export function* inFileOrder(
  pieces: Iterable<{ offset: number; bytes: Uint8Array }>,
  size: number,
): Generator<Uint8Array> {
  const file = new FileOrder(size)
  for (const { offset, bytes } of pieces) yield* file.put(offset, bytes)
  yield* file.end()
}
