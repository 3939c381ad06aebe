import { type Layout, LayoutError, type Row, viewOf } from './layout.ts'
import { i64le, u64le } from './scalar.ts'

/** How a reader says what is wrong with the bytes: the errors of the format, which name the image and layer. */
export interface ReadFailure {
  /** The bytes end at `offset`, where `expected` should have been. */
  truncated(offset: number, expected: string): Error
  /** What stands at `offset` is not valid. */
  invalid(offset: number, problem: string): Error
}

/** Reads records and runs of bytes out of bytes that nobody vouches for: all access is checked against their end. */
export class RecordReader {
  readonly bytes: Uint8Array
  /** The same memory, for who has called `require`. */
  readonly view: DataView
  readonly #failure: ReadFailure

  constructor(bytes: Uint8Array, failure: ReadFailure) {
    // Not a Buffer, whose parts cost several times as much.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.view = viewOf(bytes)
    this.#failure = failure
  }

  get size(): number {
    return this.bytes.length
  }

  /** The record of `layout` at `offset`; its byte fields are views. `expected` says what it is in a message. */
  record<R extends Readonly<Record<string, Row>>>(
    layout: Layout<R>,
    offset: number,
    expected: string = layout.name,
  ): ReturnType<Layout<R>['decode']> {
    this.require(offset, layout.size, expected)
    try {
      return layout.decode(this.view, offset)
    } catch (error) {
      if (error instanceof LayoutError) {
        throw this.invalid(error.offset, `${error.record}.${error.field} is out of range`)
      }
      throw error
    }
  }

  /** A view of `length` bytes from `offset`. */
  slice(offset: number, length: number, expected: string): Uint8Array {
    this.require(offset, length, expected)
    return this.bytes.subarray(offset, offset + length)
  }

  u16(offset: number, expected: string): number {
    this.require(offset, 2, expected)
    return this.view.getUint16(offset, true)
  }

  u32(offset: number, expected: string): number {
    this.require(offset, 4, expected)
    return this.view.getUint32(offset, true)
  }

  /** A size, offset or count of 64 bits; `expected` names the field. */
  u64(offset: number, expected: string): number {
    this.require(offset, 8, expected)
    const value = u64le.get(this.view, offset)
    if (!Number.isSafeInteger(value)) throw this.invalid(offset, `${expected} is out of range`)
    return value
  }

  /** A time of 64 bits. */
  i64(offset: number, expected: string): number {
    this.require(offset, 8, expected)
    const value = i64le.get(this.view, offset)
    if (!Number.isSafeInteger(value)) throw this.invalid(offset, `${expected} is out of range`)
    return value
  }

  /** Throws unless `length` bytes from `offset` on are there. */
  require(offset: number, length: number, expected: string): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
      throw this.#failure.truncated(this.size, `${expected} at ${offset}`)
    }
  }

  /** The error to throw for what stands at `offset`. */
  invalid(offset: number, problem: string): Error {
    return this.#failure.invalid(offset, problem)
  }
}
