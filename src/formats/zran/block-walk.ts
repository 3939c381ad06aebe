/**
 * Goes over deflate blocks (RFC 1951) without making their output: it tells where the last one ends to the bit,
 * which zlib knows and node:zlib does not say.
 */

/** Extra bits and least values of the length codes 257 to 285, and of the distance codes 0 to 29. */
const LENGTH_EXTRA = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
]
/** The order in which the lengths of the code length code are stored. */
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

const MAX_BITS = 15
const END_OF_BLOCK = 256

/** What cannot be deflate, or ends outside the bytes. */
const BAD = -1

/**
 * A prefix code as one table: the next 15 bits give `symbol << 4 | length`, and 0 where no code begins so.
 * Reused from block to block.
 */
class CodeTable {
  readonly entries = new Uint16Array(1 << MAX_BITS)
  readonly #counts = new Uint16Array(MAX_BITS + 1)
  readonly #next = new Uint16Array(MAX_BITS + 2)
  /** Bits that tell a symbol apart: the table is filled so far. */
  bits = 0

  /**
   * Builds the code that has `lengths[from]` to `lengths[to - 1]`. False where it is over-subscribed, or incomplete and
   * not the one code of one bit that deflate allows for distances.
   */
  build(lengths: Uint8Array, from: number, to: number, mayBeIncomplete: boolean): boolean {
    const counts = this.#counts.fill(0)
    for (let i = from; i < to; i++) counts[lengths[i]!]!++
    counts[0] = 0
    let max = MAX_BITS
    while (max > 0 && counts[max] === 0) max--
    let left = 1
    for (let length = 1; length <= MAX_BITS; length++) {
      left = left * 2 - counts[length]!
      if (left < 0) return false
    }
    if (left > 0 && !(mayBeIncomplete && max <= 1)) return false
    this.bits = Math.max(1, max)
    this.entries.fill(0, 0, 1 << this.bits)
    const next = this.#next
    for (let length = 1, code = 0; length <= max; length++) {
      next[length] = code
      code = (code + counts[length]!) << 1
    }
    for (let i = from; i < to; i++) {
      const length = lengths[i]!
      if (length === 0) continue
      this.#fill(next[length]!++, length, ((i - from) << 4) | length)
    }
    return true
  }

  /** Codes are stored with their first bit lowest. */
  #fill(code: number, length: number, entry: number): void {
    let reversed = 0
    for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit)
    for (let at = reversed; at < 1 << this.bits; at += 1 << length) this.entries[at] = entry
  }
}

/** Walks one stretch of bytes at a time. Memory: 130 KiB of tables. */
export class BlockWalk {
  readonly #literals = new CodeTable()
  readonly #distances = new CodeTable()
  readonly #lengths = new Uint8Array(320)
  #bytes: Uint8Array = new Uint8Array(0)
  #end = 0
  /** The next bit, counted from the start of the bytes. */
  #bit = 0

  /**
   * Walks blocks from the bit `startBit` of `bytes` on until one ends in the byte before `end`, and gives the number of
   * that byte's bits behind it: 0 to 7. Undefined where there are no blocks, where none ends there, or where their
   * output is not of `outputSize` bytes.
   */
  walk(bytes: Uint8Array, startBit: number, end: number, outputSize: number): number | undefined {
    this.#bytes = bytes
    this.#end = end * 8
    this.#bit = startBit
    let left = outputSize
    while (this.#bit <= this.#end - 8) {
      const size = this.#block(left)
      if (size === BAD) return undefined
      left -= size
    }
    return left === 0 && this.#bit <= this.#end ? this.#end - this.#bit : undefined
  }

  /** Goes over one block and gives the size of its output, or BAD where that would be over `limit`. */
  #block(limit: number): number {
    const header = this.#take(3)
    switch (header >> 1) {
      case 0:
        return this.#stored(limit)
      case 1:
        this.#fixedCodes()
        return this.#symbols(limit)
      case 2:
        return this.#dynamicCodes() ? this.#symbols(limit) : BAD
      default:
        return BAD
    }
  }

  #stored(limit: number): number {
    const at = (this.#bit + 7) >> 3
    const bytes = this.#bytes
    if ((at + 4) * 8 > this.#end) return BAD
    const size = bytes[at]! + bytes[at + 1]! * 256
    const inverse = bytes[at + 2]! + bytes[at + 3]! * 256
    this.#bit = (at + 4 + size) * 8
    return size + inverse === 0xffff && size <= limit && this.#bit <= this.#end ? size : BAD
  }

  #fixedCodes(): void {
    this.#lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288)
    this.#literals.build(this.#lengths, 0, 288, false)
    this.#lengths.fill(5, 0, 32)
    this.#distances.build(this.#lengths, 0, 32, false)
  }

  #dynamicCodes(): boolean {
    const literals = this.#take(5) + 257
    const distances = this.#take(5) + 1
    const codes = this.#take(4) + 4
    if (literals > 286 || distances > 30) return false
    const lengths = this.#lengths.fill(0)
    for (let i = 0; i < codes; i++) lengths[CODE_ORDER[i]!] = this.#take(3)
    if (!this.#literals.build(lengths, 0, 19, false)) return false
    lengths.fill(0, 0, 19)
    for (let i = 0; i < literals + distances;) {
      const symbol = this.#symbol(this.#literals)
      if (symbol === BAD || this.#bit > this.#end) return false
      if (symbol < 16) {
        lengths[i++] = symbol
        continue
      }
      if (symbol === 16 && i === 0) return false
      const value = symbol === 16 ? lengths[i - 1]! : 0
      const count =
        symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7)
      if (i + count > literals + distances) return false
      lengths.fill(value, i, i + count)
      i += count
    }
    return (
      lengths[END_OF_BLOCK] !== 0 &&
      this.#literals.build(lengths, 0, literals, true) &&
      this.#distances.build(lengths, literals, literals + distances, true)
    )
  }

  /** The symbols of a block, up to its end. The loop holds everything in locals: it is what takes the time. */
  #symbols(limit: number): number {
    const bytes = this.#bytes
    const end = this.#end
    const { entries: literals, bits: literalBits } = this.#literals
    const { entries: distances, bits: distanceBits } = this.#distances
    const literalMask = (1 << literalBits) - 1
    const distanceMask = (1 << distanceBits) - 1
    let bit = this.#bit
    let size = 0
    while (bit < end && size <= limit) {
      const literal = literals[peek(bytes, bit) & literalMask]!
      if (literal === 0) return BAD
      bit += literal & 15
      const symbol = literal >> 4
      if (symbol < END_OF_BLOCK) {
        size++
        continue
      }
      if (symbol === END_OF_BLOCK) {
        this.#bit = bit
        return size <= limit && bit <= end ? size : BAD
      }
      const code = symbol - 257
      if (code >= LENGTH_BASE.length) return BAD
      const extra = LENGTH_EXTRA[code]!
      size += LENGTH_BASE[code]! + (peek(bytes, bit) & ((1 << extra) - 1))
      bit += extra
      const distance = distances[peek(bytes, bit) & distanceMask]!
      if (distance === 0) return BAD
      const distanceCode = distance >> 4
      if (distanceCode >= 30) return BAD
      bit += (distance & 15) + (distanceCode < 4 ? 0 : (distanceCode >> 1) - 1)
    }
    return BAD
  }

  #symbol(table: CodeTable): number {
    const entry = table.entries[peek(this.#bytes, this.#bit) & ((1 << table.bits) - 1)]!
    if (entry === 0) return BAD
    this.#bit += entry & 15
    return entry >> 4
  }

  #take(count: number): number {
    const value = peek(this.#bytes, this.#bit) & ((1 << count) - 1)
    this.#bit += count
    return value
  }
}

/** At least 17 bits from `bit` on, the first lowest; zeros behind the end of the bytes. */
function peek(bytes: Uint8Array, bit: number): number {
  const at = bit >> 3
  return ((bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)) >>> (bit & 7)) & 0x1ffff
}
