import { BLOCK_SIZE, numberAt } from './header.ts'
import type { Fail } from './limits.ts'

/** Zeros for holes, one piece at a time. Nobody writes into it: data events are read only. */
export const ZEROS = new Uint8Array(256 * 1024)

/** Where the stored bytes of a sparse file belong: offset and length of each extent in turn, in order. */
export interface SparseMap {
  extents: number[]
  /** Bytes of the file, holes included. */
  size: number
}

/** In the header block of the old GNU format: four extents of two 12-byte numbers, "more follow", the file's size. */
const HEADER_EXTENTS = 386
const HEADER_MORE = 482
const HEADER_SIZE = 483
/** In each sparse header block after it: 21 extents, "more follow". */
const BLOCK_EXTENTS = 21
const BLOCK_MORE = 504

/** Reads the map of an old GNU sparse header; tells whether a sparse header block follows. */
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

/** Reads a sparse header block of the old GNU format; tells whether another follows. */
export function readGnuSparseBlock(
  bytes: Uint8Array,
  start: number,
  map: SparseMap,
  fail: Fail,
): boolean {
  readExtents(bytes, start, 0, BLOCK_EXTENTS, map, fail)
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
  for (let i = 0; i < count; i++, at += 24) {
    // An extent that is not there ends the map: GNU tar fills the rest with zero bytes.
    if (bytes[start + at] === 0) return
    map.extents.push(
      sparseNumber(bytes, start, at, fail),
      sparseNumber(bytes, start, at + 12, fail),
    )
  }
}

function sparseNumber(bytes: Uint8Array, start: number, at: number, fail: Fail): number {
  const value = numberAt(bytes, start + at, 12)
  return value >= 0 ? value : fail(at, 'its sparse map holds no number here')
}

/**
 * Reads the map that PAX format 1.0 puts before the stored bytes: decimal lines, the number of extents, then offset
 * and length of each, filled up to a block. It is fed block by block.
 */
export class SparseMapText {
  readonly extents: number[] = []
  #count = -1
  #value = 0
  #digits = 0
  readonly #tooManyExtents: (count: number) => never
  readonly #maxExtents: number

  constructor(maxExtents: number, tooManyExtents: (count: number) => never) {
    this.#maxExtents = maxExtents
    this.#tooManyExtents = tooManyExtents
  }

  /** Takes the block at `start`; true when the map is complete. */
  block(bytes: Uint8Array, start: number, fail: Fail): boolean {
    for (let i = 0; i < BLOCK_SIZE; i++) {
      const byte = bytes[start + i]!
      if (byte !== 0x0a) {
        const digit = byte - 0x30
        if (digit < 0 || digit > 9 || ++this.#digits > 16)
          fail(i, 'its sparse map holds no number here')
        this.#value = this.#value * 10 + digit
        continue
      }
      if (this.#digits === 0 || !Number.isSafeInteger(this.#value))
        fail(i, 'its sparse map holds no number here')
      if (this.#count < 0) {
        this.#count = this.#value
        if (this.#count > this.#maxExtents) this.#tooManyExtents(this.#count)
      } else {
        this.extents.push(this.#value)
      }
      this.#value = 0
      this.#digits = 0
      if (this.extents.length === 2 * this.#count) return true
    }
    return false
  }
}

/**
 * Checks that the extents lie in order within the file and take just the bytes that are stored; gives the bytes
 * of the holes. Throws FORMAT_INVALID. Same rules as Go's archive/tar, so nothing that it reads is refused.
 */
export function checkSparseMap(map: SparseMap, stored: number, fail: Fail): number {
  const { extents, size } = map
  if (extents.length % 2 !== 0) fail(0, 'its sparse map ends with an offset')
  let end = 0
  let data = 0
  for (let i = 0; i < extents.length; i += 2) {
    const offset = extents[i]!
    const length = extents[i + 1]!
    if (offset < end) fail(0, `its sparse map goes back from byte ${end} to ${offset}`)
    end = offset + length
    data += length
    if (end > size) fail(0, `its sparse map names byte ${end} of ${size}`)
  }
  if (data !== stored) fail(0, `its sparse map names ${data} bytes, ${stored} are stored`)
  return size - data
}
