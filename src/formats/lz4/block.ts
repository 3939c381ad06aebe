import { viewOf } from '../../bytes/layout.ts'
import { AccelError } from '../../errors/accel-error.ts'

/**
 * LZ4 blocks: bare sequences without frame, size or checksum. A sequence is a token (length of literals in the high
 * half, of the match - 4 in the low), longer lengths as bytes of 255, the literals, and where the match is.
 * Source: lz4 doc/lz4_Block_format.md.
 */

const MIN_MATCH = 4
/** The last match begins at least so far from the end … */
const MATCH_LIMIT = 12
/** … and the last bytes are always literals. */
const LAST_LITERALS = 5
const MAX_DISTANCE = 0xffff
const HASH_BITS = 14
/** Misses before the step between tries grows by one. */
const SKIP_SHIFT = 6

/** Largest number of bytes that `length` bytes can take. Source: lz4.h (LZ4_COMPRESSBOUND). */
export function lz4Bound(length: number): number {
  return length + Math.floor(length / 255) + 16
}

/** Compresses blocks one after the other with one hash table, which is never cleared: positions count on instead. */
export class Lz4Compressor {
  readonly #table = new Int32Array(1 << HASH_BITS)
  #out = new Uint8Array(0)
  /** What was in the table before this block is below. */
  #base = 1

  /** The block for `input`: a view that stays valid until the next call. It may be longer than the input. */
  compress(input: Uint8Array): Uint8Array {
    if (this.#out.length < lz4Bound(input.length))
      this.#out = new Uint8Array(lz4Bound(input.length))
    if (this.#base + input.length > 0x7fff_ffff) {
      this.#table.fill(0)
      this.#base = 1
    }
    const length = compressInto(input, this.#out, this.#table, this.#base)
    this.#base += input.length
    return this.#out.subarray(0, length)
  }
}

function compressInto(input: Uint8Array, out: Uint8Array, table: Int32Array, base: number): number {
  const view = viewOf(input)
  const end = input.length
  const lastMatch = end - MATCH_LIMIT
  const matchEnd = end - LAST_LITERALS
  let at = 0
  let anchor = 0
  let written = 0
  let tries = 1 << SKIP_SHIFT
  while (at <= lastMatch) {
    const word = view.getInt32(at, true)
    const slot = Math.imul(word, 0x9e37_79b1) >>> (32 - HASH_BITS)
    let match = (table[slot] as number) - base
    table[slot] = at + base
    if (match < 0 || at - match > MAX_DISTANCE || view.getInt32(match, true) !== word) {
      at += tries++ >>> SKIP_SHIFT
      continue
    }
    tries = 1 << SKIP_SHIFT
    while (at > anchor && match > 0 && input[at - 1] === input[match - 1]) {
      at--
      match--
    }
    let length = MIN_MATCH
    while (
      at + length + 4 <= matchEnd &&
      view.getInt32(at + length) === view.getInt32(match + length)
    ) {
      length += 4
    }
    while (at + length < matchEnd && input[at + length] === input[match + length]) length++
    written = putSequence(out, written, input, anchor, at, at - match, length)
    at += length
    anchor = at
    if (at <= lastMatch) {
      const inside = at - 2
      table[Math.imul(view.getInt32(inside, true), 0x9e37_79b1) >>> (32 - HASH_BITS)] =
        inside + base
    }
  }
  return putSequence(out, written, input, anchor, end, 0, 0)
}

/** Writes literals `from` to `to`, and the match where `distance` is not 0; returns how much is written in all. */
function putSequence(
  out: Uint8Array,
  at: number,
  input: Uint8Array,
  from: number,
  to: number,
  distance: number,
  matchLength: number,
): number {
  const literals = to - from
  const extra = distance === 0 ? 0 : matchLength - MIN_MATCH
  let next = at
  out[next++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15)
  if (literals >= 15) next = putLength(out, next, literals - 15)
  // Short runs are copied by hand: a call of set() costs as much as 30 bytes.
  if (literals < 32) for (let i = from; i < to; i++) out[next++] = input[i] as number
  else {
    out.set(input.subarray(from, to), next)
    next += literals
  }
  if (distance === 0) return next
  out[next++] = distance & 0xff
  out[next++] = distance >>> 8
  return extra >= 15 ? putLength(out, next, extra - 15) : next
}

function putLength(out: Uint8Array, at: number, length: number): number {
  let next = at
  let rest = length
  for (; rest >= 255; rest -= 255) out[next++] = 255
  out[next++] = rest
  return next
}

/**
 * The `size` bytes that a block holds. Throws FORMAT_INVALID for a block that is damaged or holds more or less;
 * `what` names it in the message.
 */
export function decompressLz4(block: Uint8Array, size: number, what: string): Uint8Array {
  const fault = (offset: number, problem: string): AccelError =>
    new AccelError('FORMAT_INVALID', { what, format: 'LZ4 block', offset, problem })
  const end = block.length
  // A byte stands for 255 at most: a size that no block of this length can have is refused before memory is taken.
  if (size > end * 255) throw fault(end, `${end} bytes for ${size}`)
  const out = new Uint8Array(size)
  let at = 0
  let written = 0
  while (at < end) {
    const token = block[at++] as number
    let literals = token >>> 4
    if (literals === 15) {
      let byte = 255
      while (byte === 255 && at < end && literals <= size) literals += byte = block[at++] as number
    }
    if (at + literals > end || written + literals > size) {
      throw fault(at, `${literals} literals do not fit`)
    }
    if (literals <= 16)
      for (let i = 0; i < literals; i++) out[written + i] = block[at + i] as number
    else out.set(block.subarray(at, at + literals), written)
    at += literals
    written += literals
    if (at === end) {
      if (written === size) return out
      break
    }
    if (at + 2 > end) throw fault(at, 'the block ends within a sequence')
    const distance = (block[at] as number) | ((block[at + 1] as number) << 8)
    at += 2
    let length = token & 15
    if (length === 15) {
      let byte = 255
      while (byte === 255 && at < end && length <= size) length += byte = block[at++] as number
    }
    length += MIN_MATCH
    if (distance === 0 || distance > written || written + length > size) {
      throw fault(at, `a match of ${length} bytes ${distance} bytes back does not fit`)
    }
    written = copyMatch(out, written, distance, length)
  }
  throw fault(at, `${written} bytes where ${size} were expected`)
}

/** Copies from what has been written; a match may overlap itself and then repeats. */
function copyMatch(out: Uint8Array, at: number, distance: number, length: number): number {
  const end = at + length
  if (distance >= length && length >= 32) out.copyWithin(at, at - distance, at - distance + length)
  else for (let i = at; i < end; i++) out[i] = out[i - distance] as number
  return end
}
