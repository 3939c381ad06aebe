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
    if (this.length === this.#values.length) this.#grow()
    this.#values[this.length++] = value
  }

  get(at: number): number {
    return this.#values[at] as number
  }

  set(at: number, value: number): void {
    this.#values[at] = value
  }

  #grow(): void {
    const values = new this.#make(nextCapacity(this.length))
    values.set(this.#values.subarray(0, this.length))
    this.#values = values
  }
}

/**
 * Strings of bytes, one behind the other, named by where they begin. A *sized* one has at most 255 bytes and stands
 * behind a byte that says how many.
 */
export class ByteArena {
  length = 0
  #bytes = new Uint8Array(256)

  /** Bytes reserved. */
  get size(): number {
    return this.#bytes.length
  }

  /** Copies `bytes` in and returns where they begin. */
  add(bytes: Uint8Array): number {
    const at = this.#extend(bytes.length)
    this.#bytes.set(bytes, at)
    return at
  }

  /** Copies `bytes` in as a sized string and returns where that begins. */
  addSized(bytes: Uint8Array): number {
    const at = this.#extend(bytes.length + 1)
    this.#bytes[at] = bytes.length
    this.#bytes.set(bytes, at + 1)
    return at
  }

  byteAt(at: number): number {
    return this.#bytes[at] as number
  }

  /** A view that stays valid until the next `add`. */
  view(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length)
  }

  /** The same of the sized string at `at`. */
  viewSized(at: number): Uint8Array {
    return this.view(at + 1, this.byteAt(at))
  }

  /** Copies the sized string at `from` to `target` from `at` on. */
  copySized(from: number, target: Uint8Array, at: number): void {
    const bytes = this.#bytes
    const length = bytes[from] as number
    for (let i = 0; i < length; i++) target[at + i] = bytes[from + 1 + i] as number
  }

  /** Tells whether the sized string at `at` is `bytes`. */
  holds(at: number, bytes: Uint8Array): boolean {
    const own = this.#bytes
    if (own[at] !== bytes.length) return false
    for (let i = 0; i < bytes.length; i++) if (own[at + 1 + i] !== bytes[i]) return false
    return true
  }

  /** Orders two sized strings like `compareBytes`. */
  compareSized(a: number, b: number): number {
    const bytes = this.#bytes
    const [lengthA, lengthB] = [bytes[a] as number, bytes[b] as number]
    const shorter = Math.min(lengthA, lengthB)
    for (let i = 1; i <= shorter; i++) {
      const difference = (bytes[a + i] as number) - (bytes[b + i] as number)
      if (difference !== 0) return difference
    }
    return lengthA - lengthB
  }

  #extend(length: number): number {
    const at = this.length
    this.length = at + length
    if (this.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, nextCapacity(at)))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    return at
  }
}

function nextCapacity(length: number): number {
  return length < 0x10000 ? Math.max(16, length * 2) : length + (length >>> 2)
}
