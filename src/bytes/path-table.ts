const GROWTH = 2
const EMPTY = -1

/** The columns of a table, as they cross threads. */
export interface PathTableData {
  names: Uint8Array
  ends: Uint32Array
  slots: Int32Array
}

/**
 * Numbers paths in the order in which they are added. Names are kept as UTF-8 in one array, found by a hash table
 * of numbers: about 12 bytes a path beside the path itself, where a Map of strings takes over 100.
 */
export class PathTable {
  #names: Buffer
  #ends: Uint32Array
  #slots: Int32Array
  #size: number
  #scratch: Buffer = Buffer.allocUnsafeSlow(4096)
  #scratchSize = 0

  constructor(data?: PathTableData) {
    if (data === undefined) {
      this.#names = Buffer.allocUnsafeSlow(64 * 1024)
      this.#ends = new Uint32Array(1024)
      this.#slots = new Int32Array(2048).fill(EMPTY)
      this.#size = 0
    } else {
      this.#names = Buffer.from(data.names.buffer, data.names.byteOffset, data.names.byteLength)
      this.#ends = data.ends
      this.#slots = data.slots
      this.#size = data.ends.length
    }
  }

  get size(): number {
    return this.#size
  }

  /** The number of `path`, or -1. */
  find(path: string): number {
    return this.#slots[this.#slotOf(path)]!
  }

  /** The number of `path`, which is added where it is new. */
  add(path: string): number {
    const slot = this.#slotOf(path)
    const known = this.#slots[slot]!
    if (known !== EMPTY) return known
    const start = this.#end(this.#size - 1)
    const end = start + this.#scratchSize
    if (end > this.#names.length) {
      const names = Buffer.allocUnsafeSlow(Math.max(end, GROWTH * this.#names.length))
      this.#names.copy(names, 0, 0, start)
      this.#names = names
    }
    this.#scratch.copy(this.#names, start, 0, this.#scratchSize)
    if (this.#size === this.#ends.length) {
      const ends = new Uint32Array(GROWTH * this.#size)
      ends.set(this.#ends)
      this.#ends = ends
    }
    const number = this.#size++
    this.#ends[number] = end
    this.#slots[slot] = number
    if (this.#size * 2 > this.#slots.length) this.#rehash()
    return number
  }

  /** The path of a number. */
  path(number: number): string {
    return this.#names.toString('utf8', this.#end(number - 1), this.#end(number))
  }

  /** The columns, cut to what they hold. */
  data(): PathTableData {
    return {
      // Not Buffer's slice, which is a view.
      names: Uint8Array.prototype.slice.call(this.#names, 0, this.#end(this.#size - 1)),
      ends: this.#ends.slice(0, this.#size),
      slots: this.#slots,
    }
  }

  #end(number: number): number {
    return number < 0 ? 0 : this.#ends[number]!
  }

  /** The slot that has `path`, or the empty one where it belongs; its bytes are then in `#scratch`. */
  #slotOf(path: string): number {
    // A UTF-16 unit takes at most three bytes.
    if (path.length * 3 > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafeSlow(path.length * 3)
    }
    const scratch = this.#scratch
    const size = scratch.write(path)
    this.#scratchSize = size
    const mask = this.#slots.length - 1
    for (let slot = hashOf(scratch, 0, size) & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]!
      if (number === EMPTY) return slot
      const start = this.#end(number - 1)
      const end = this.#end(number)
      if (end - start !== size) continue
      if (this.#names.compare(scratch, 0, size, start, end) === 0) return slot
    }
  }

  #rehash(): void {
    const slots = new Int32Array(GROWTH * this.#slots.length).fill(EMPTY)
    const mask = slots.length - 1
    for (let number = 0; number < this.#size; number++) {
      let slot = hashOf(this.#names, this.#end(number - 1), this.#end(number)) & mask
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask
      slots[slot] = number
    }
    this.#slots = slots
  }
}

/** FNV-1a, mixed once more so that its low bits depend on all. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
