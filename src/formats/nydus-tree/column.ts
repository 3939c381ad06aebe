/** Typed arrays that a column may be made of. */
type Numbers = Uint16Array | Uint32Array | Float64Array
type Maker<A extends Numbers> = new (length: number) => A

/**
 * One field of many records, kept as a typed array: a million values cost their bytes and no objects. Grows by a
 * quarter once it is large, so that what is reserved stays within 25 % of what is used.
 */
export class Column<A extends Numbers> {
  /** How many values there are. */
  length = 0
  #values: A
  readonly #make: Maker<A>

  constructor(make: Maker<A>, capacity = 16) {
    this.#make = make
    this.#values = new make(capacity)
  }

  /** Bytes reserved. */
  get size(): number {
    return this.#values.byteLength
  }

  push(value: number): void {
    if (this.length === this.#values.length) this.#grow(this.length + 1)
    this.#values[this.length++] = value
  }

  /** Adds `count` zeros and returns the position of the first. */
  extend(count: number): number {
    const at = this.length
    if (at + count > this.#values.length) this.#grow(at + count)
    this.length = at + count
    return at
  }

  get(at: number): number {
    return this.#values[at] as number
  }

  set(at: number, value: number): void {
    this.#values[at] = value
  }

  #grow(atLeast: number): void {
    const values = new this.#make(Math.max(atLeast, nextCapacity(this.length)))
    values.set(this.#values.subarray(0, this.length))
    this.#values = values
  }
}

/** Strings of bytes, one behind the other, named by where they begin. */
export class ByteArena {
  length = 0
  #bytes = new Uint8Array(256)

  /** Bytes reserved. */
  get size(): number {
    return this.#bytes.length
  }

  /** Copies `bytes` in and returns where they begin. */
  add(bytes: Uint8Array): number {
    const at = this.length
    const end = at + bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, nextCapacity(at)))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, at)
    this.length = end
    return at
  }

  byteAt(at: number): number {
    return this.#bytes[at] as number
  }

  /** A view that stays valid until the next `add`. */
  view(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length)
  }
}

function nextCapacity(length: number): number {
  return length < 0x10000 ? Math.max(16, length * 2) : length + (length >>> 2)
}
