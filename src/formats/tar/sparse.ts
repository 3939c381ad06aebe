import type { Fail, TarFault } from './fault.ts'
import { numberAt } from './field.ts'
import { BLOCK_SIZE, GnuHeaderTail, GnuSparseBlock, UstarHeader } from './layout.ts'

/** Where the stored bytes of a sparse file belong: offset and length of each extent in turn, in order. */
export interface SparseMap {
  extents: number[]
  /** Bytes of the file, holes included. */
  size: number
}

const TAIL = UstarHeader.offsetOf('prefix')
const HEADER_EXTENTS = TAIL + GnuHeaderTail.offsetOf('sparse')
const HEADER_MORE = TAIL + GnuHeaderTail.offsetOf('isextended')
const HEADER_SIZE = TAIL + GnuHeaderTail.offsetOf('realsize')
const BLOCK_MORE = GnuSparseBlock.offsetOf('isextended')
const EXTENT_SIZE = 24

/** Reads the map of an old GNU sparse header at `start`; tells whether a sparse header block follows. */
export function readGnuSparse(
  bytes: Uint8Array,
  start: number,
  map: SparseMap,
  fail: Fail,
): boolean {
  map.size = sparseNumber(bytes, start, HEADER_SIZE, fail)
  readExtents(bytes, start, HEADER_EXTENTS, 4, map, fail)
  return bytes[start + HEADER_MORE] !== 0
}

/** Reads a sparse header block of the old GNU format at `start`; tells whether another follows. */
export function readGnuSparseBlock(
  bytes: Uint8Array,
  start: number,
  map: SparseMap,
  fail: Fail,
): boolean {
  readExtents(bytes, start, GnuSparseBlock.offsetOf('sparse'), 21, map, fail)
  return bytes[start + BLOCK_MORE] !== 0
}

function readExtents(
  bytes: Uint8Array,
  start: number,
  at: number,
  count: number,
  map: SparseMap,
  fail: Fail,
): void {
  for (let i = at; i < at + count * EXTENT_SIZE; i += EXTENT_SIZE) {
    // An extent that is not there ends the map: GNU tar fills the rest with zero bytes.
    if (bytes[start + i] === 0) return
    map.extents.push(
      sparseNumber(bytes, start, i, fail),
      sparseNumber(bytes, start, i + EXTENT_SIZE / 2, fail),
    )
  }
}

function sparseNumber(bytes: Uint8Array, start: number, at: number, fail: Fail): number {
  const value = numberAt(bytes, start + at, EXTENT_SIZE / 2)
  return value >= 0 ? value : fail(at, 'its sparse map holds no number here')
}

/**
 * Reads the map that PAX format 1.0 puts before the stored bytes: decimal lines, the number of extents, then offset
 * and length of each, filled up to a block. It is fed block by block.
 */
export class SparseMapText {
  readonly extents: number[] = []
  readonly #fault: TarFault
  /** Numbers still to come; unknown before the first. */
  #expected = -1
  #value = 0
  #digits = 0

  constructor(fault: TarFault) {
    this.#fault = fault
  }

  /** Takes the block at `start`; true when the map is complete. */
  block(bytes: Uint8Array, start: number, fail: Fail): boolean {
    for (let i = 0; i < BLOCK_SIZE; i++) {
      const digit = bytes[start + i]! - 0x30
      if (digit >= 0 && digit <= 9) {
        this.#value = this.#value * 10 + digit
        if (++this.#digits > 16) fail(i, 'its sparse map holds too large a number here')
      } else {
        const lineFeed = bytes[start + i] === 0x0a && this.#digits > 0
        if (!lineFeed || !Number.isSafeInteger(this.#value)) {
          fail(i, 'its sparse map holds no number here')
        }
        if (this.#number()) return true
      }
    }
    return false
  }

  #number(): boolean {
    if (this.#expected < 0) {
      this.#fault.check('sparseExtents', this.#value, 'a sparse file, extents')
      this.#expected = 2 * this.#value
    } else {
      this.extents.push(this.#value)
    }
    this.#value = 0
    this.#digits = 0
    return this.extents.length === this.#expected
  }
}

/**
 * Checks that the extents lie in order within the file and take just the bytes that are stored; gives the bytes
 * of the holes. Throws FORMAT_INVALID. The rules are those of Go's archive/tar: nothing that it reads is refused.
 */
export function checkSparseMap(map: SparseMap, stored: number, fail: Fail): number {
  const { extents, size } = map
  if (extents.length % 2 !== 0) fail(0, 'its sparse map ends with an offset')
  let end = 0
  let data = 0
  for (let i = 0; i < extents.length; i += 2) {
    const offset = extents[i]!
    if (offset < end) fail(0, `its sparse map goes back from byte ${end} to ${offset}`)
    end = offset + extents[i + 1]!
    data += extents[i + 1]!
    if (end > size) fail(0, `its sparse map names byte ${end} of a file of ${size}`)
  }
  if (data !== stored) fail(0, `its sparse map names ${data} bytes, ${stored} are stored`)
  return size - data
}
