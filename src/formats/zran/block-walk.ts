/**
 * Goes over deflate blocks (RFC 1951) without making their output: it tells where one begins, or the last one ends, to
 * the bit, which zlib knows and node:zlib does not say.
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
/** Literals, lengths and the end of a block, two of which never occur. */
const MAX_SYMBOLS = 288
const END_OF_BLOCK = 256

/** What cannot be deflate, or ends outside the bytes. */
const BAD = -1

/**
 * A prefix code in its canonical form: how many codes there are of each length, and the symbols in order of code. Made
 * in no time, as most codes here are of a block whose first symbols alone are looked at; a symbol takes a step a bit.
 * Reused from block to block.
 */
class PrefixCode {
  readonly counts = new Uint16Array(MAX_BITS + 1)
  readonly symbols = new Uint16Array(MAX_SYMBOLS)
  readonly #next = new Uint16Array(MAX_BITS + 1)

  /**
   * Builds the code that has `lengths[from]` to `lengths[to - 1]`. False where it is over-subscribed, or incomplete and
   * not the one code of one bit that deflate allows for distances.
   */
  build(lengths: Uint8Array, from: number, to: number, mayBeIncomplete: boolean): boolean {
    const { counts, symbols } = this
    counts.fill(0)
    for (let i = from; i < to; i++) counts[lengths[i]!]!++
    counts[0] = 0
    const next = this.#next
    let left = 1
    let max = 0
    for (let length = 1, at = 0; length <= MAX_BITS; length++) {
      const count = counts[length]!
      left = left * 2 - count
      if (left < 0) return false
      if (count > 0) max = length
      next[length] = at
      at += count
    }
    if (left > 0 && !(mayBeIncomplete && max <= 1)) return false
    for (let i = from; i < to; i++) if (lengths[i] !== 0) symbols[next[lengths[i]!]!++] = i - from
    return true
  }

  /** `symbol << 4 | length` of the code that `bits` begin with, the first lowest; 0 where none does. */
  find(bits: number): number {
    const { counts } = this
    // Codes of one length are numbers in a row, and those that are longer begin where they end.
    let code = 0
    let first = 0
    let at = 0
    for (let length = 1; length <= MAX_BITS; length++) {
      code |= bits & 1
      bits >>>= 1
      const count = counts[length]!
      if (code - first < count) return (this.symbols[at + code - first]! << 4) | length
      at += count
      first = (first + count) << 1
      code <<= 1
    }
    return 0
  }
}

const FIXED = fixedCodes()

/** Walks one stretch of bytes at a time. */
export class BlockWalk {
  readonly #literals = new PrefixCode()
  readonly #distances = new PrefixCode()
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
    this.#at(bytes, startBit, end)
    let left = outputSize
    while (this.#bit <= this.#end - 8) {
      const size = this.#block(left)
      if (size === BAD || size > left || this.#bit > this.#end) return undefined
      left -= size
    }
    return left === 0 && this.#bit <= this.#end ? this.#end - this.#bit : undefined
  }

  /**
   * Whether a block can begin at the bit `startBit` of `bytes` whose output begins with `output`. Never false where one
   * does, if the bytes before `end` are all that this output is made of; true now and then where none does.
   */
  mayBegin(bytes: Uint8Array, startBit: number, end: number, output: Uint8Array): boolean {
    this.#at(bytes, startBit, end)
    return this.#block(output.length, output) !== BAD
  }

  #at(bytes: Uint8Array, startBit: number, end: number): void {
    this.#bytes = bytes
    this.#end = end * 8
    this.#bit = startBit
  }

  /**
   * Goes over one block and gives the size of its output. Stops within it, with what it has, where that is over
   * `limit`, or with `output` not less; BAD where that differs, as far as it is known without what is before the block.
   */
  #block(limit: number, output?: Uint8Array): number {
    const header = this.#take(3)
    switch (header >> 1) {
      case 0:
        return this.#stored(output)
      case 1:
        return this.#symbols(FIXED.literals, FIXED.distances, limit, output)
      case 2:
        return this.#dynamicCodes()
          ? this.#symbols(this.#literals, this.#distances, limit, output)
          : BAD
      default:
        return BAD
    }
  }

  #stored(output: Uint8Array | undefined): number {
    const at = (this.#bit + 7) >> 3
    const bytes = this.#bytes
    if ((at + 4) * 8 > this.#end) return BAD
    const size = bytes[at]! + bytes[at + 1]! * 256
    const inverse = bytes[at + 2]! + bytes[at + 3]! * 256
    if (size + inverse !== 0xffff) return BAD
    this.#bit = (at + 4 + size) * 8
    const known = Math.min(size, output?.length ?? 0)
    for (let i = 0; i < known; i++) if (bytes[at + 4 + i] !== output![i]) return BAD
    return size
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
      const found = this.#literals.find(peek(this.#bytes, this.#bit))
      this.#bit += found & 15
      if (found === 0 || this.#bit > this.#end) return false
      const symbol = found >> 4
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

  /** The symbols of a block, up to its end; see `#block`. */
  #symbols(
    literals: PrefixCode,
    distances: PrefixCode,
    limit: number,
    output: Uint8Array | undefined,
  ): number {
    const bytes = this.#bytes
    const end = this.#end
    let bit = this.#bit
    let size = 0
    while (output === undefined ? size <= limit : size < limit) {
      if (bit >= end) return BAD
      const literal = literals.find(peek(bytes, bit))
      if (literal === 0) return BAD
      bit += literal & 15
      const symbol = literal >> 4
      if (symbol < END_OF_BLOCK) {
        if (output !== undefined && output[size] !== symbol) return BAD
        size++
        continue
      }
      if (symbol === END_OF_BLOCK) break
      const code = symbol - 257
      if (code >= LENGTH_BASE.length) return BAD
      const extra = LENGTH_EXTRA[code]!
      size += LENGTH_BASE[code]! + (peek(bytes, bit) & ((1 << extra) - 1))
      bit += extra
      const distance = distances.find(peek(bytes, bit))
      if (distance === 0) return BAD
      const distanceCode = distance >> 4
      if (distanceCode >= 30) return BAD
      bit += (distance & 15) + (distanceCode < 4 ? 0 : (distanceCode >> 1) - 1)
    }
    this.#bit = bit
    return size
  }

  #take(count: number): number {
    const value = peek(this.#bytes, this.#bit) & ((1 << count) - 1)
    this.#bit += count
    return value
  }
}

function fixedCodes(): { literals: PrefixCode; distances: PrefixCode } {
  const codes = { literals: new PrefixCode(), distances: new PrefixCode() }
  const lengths = new Uint8Array(MAX_SYMBOLS)
  lengths.fill(8).fill(9, 144, 256).fill(7, 256, 280)
  codes.literals.build(lengths, 0, MAX_SYMBOLS, false)
  codes.distances.build(lengths.fill(5, 0, 32), 0, 32, false)
  return codes
}

/** At least 17 bits from `bit` on, the first lowest; zeros behind the end of the bytes. */
function peek(bytes: Uint8Array, bit: number): number {
  const at = bit >> 3
  return ((bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)) >>> (bit & 7)) & 0x1ffff
}
