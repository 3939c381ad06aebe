import { isUtf8 } from 'node:buffer'
import type { Fail } from './limits.ts'

/** Tar is made of blocks of this many bytes. */
export const BLOCK_SIZE = 512

/**
 * The header block: [offset, size] of each field. POSIX.1-1988 `ustar`; the old GNU format keeps its sparse map
 * where ustar has the prefix; star ends its prefix after 131 bytes.
 */
export const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  chksum: [148, 8],
  typeflag: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  uname: [265, 32],
  gname: [297, 32],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [offset: number, size: number]>

/** Which dialect the magic bytes tell; what is none of them is read as v7: no prefix, owner names or devices. */
export type Dialect = 'v7' | 'ustar' | 'star' | 'gnu'

/** What the checksum says about the block at `start`: good, bad, or a block of zeros. */
export function checkBlock(bytes: Uint8Array, start: number): 'good' | 'bad' | 'zero' {
  let sum = 0
  for (let i = start; i < start + 148; i++) sum += bytes[i]!
  for (let i = start + 156; i < start + BLOCK_SIZE; i++) sum += bytes[i]!
  // The checksum is taken as if its own field held spaces.
  const unsigned = sum + 8 * 0x20
  const stored = numberAt(bytes, start + 148, 8)
  if (stored === unsigned) return 'good'
  if (sum === 0 && allZero(bytes, start + 148, start + 156)) return 'zero'
  // Historic writers summed signed bytes.
  let high = 0
  for (let i = start; i < start + BLOCK_SIZE; i++) {
    if (bytes[i]! >= 0x80 && (i < start + 148 || i >= start + 156)) high++
  }
  return stored === unsigned - 256 * high ? 'good' : 'bad'
}

function allZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false
  return true
}

/**
 * The number in a field: octal digits with spaces or zero bytes around them (an empty field is 0), or, where the
 * first bit is set, GNU's base-256: two's complement, big-endian, the first bit dropped.
 * NaN where it is neither, or not a safe integer.
 */
export function numberAt(bytes: Uint8Array, start: number, size: number): number {
  const first = bytes[start]!
  if (first >= 0x80) return base256At(bytes, start, size)
  const end = start + size
  let i = start
  while (i < end && (bytes[i] === 0x20 || bytes[i] === 0)) i++
  let value = 0
  for (; i < end; i++) {
    const digit = bytes[i]! - 0x30
    if (digit >= 0 && digit <= 7) value = value * 8 + digit
    else return bytes[i] === 0x20 || bytes[i] === 0 ? value : Number.NaN
  }
  return value
}

function base256At(bytes: Uint8Array, start: number, size: number): number {
  const negative = (bytes[start]! & 0x40) !== 0
  // A negative number is counted up from its complement, so that no intermediate leaves the safe integers.
  const flip = negative ? 0xff : 0
  let value = (bytes[start]! ^ flip) & 0x7f
  for (let i = start + 1; i < start + size; i++) {
    value = value * 256 + (bytes[i]! ^ flip)
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN
  }
  return negative ? -value - 1 : value
}

/** Where the text of a field ends: at its first zero byte, or with the field. */
export function textEnd(bytes: Uint8Array, start: number, size: number): number {
  const end = start + size
  let i = start
  while (i < end && bytes[i] !== 0) i++
  return i
}

/** A text, and its bytes where they are not valid UTF-8. */
export interface Text {
  text: string
  bytes?: Uint8Array
}

/** Decodes bytes `start` to `end`; the bytes of what is not UTF-8 are copied. */
export function textAt(bytes: Buffer, start: number, end: number): Text {
  const text = bytes.toString('utf8', start, end)
  if (!text.includes('\ufffd') || isUtf8(bytes.subarray(start, end))) return { text }
  return { text, bytes: Uint8Array.prototype.slice.call(bytes, start, end) }
}

/** The dialect of the block at `start`. */
export function dialectOf(bytes: Buffer, start: number): Dialect {
  const magic = bytes.toString('latin1', start + FIELD.magic[0], start + FIELD.magic[0] + 8)
  if (magic === 'ustar  \0') return 'gnu'
  if (!magic.startsWith('ustar\0')) return 'v7'
  return bytes.toString('latin1', start + 508, start + BLOCK_SIZE) === 'tar\0' ? 'star' : 'ustar'
}

/** Prefix and name of the block at `start`, joined. */
export function headerName(bytes: Buffer, start: number, dialect: Dialect): Text {
  const nameEnd = textEnd(bytes, start, FIELD.name[1])
  const prefixStart = start + FIELD.prefix[0]
  const prefixEnd = prefixStart + prefixSize(bytes, start, dialect)
  if (prefixEnd === prefixStart) return textAt(bytes, start, nameEnd)
  const joined = Buffer.concat([
    bytes.subarray(prefixStart, prefixEnd),
    Buffer.from('/'),
    bytes.subarray(start, nameEnd),
  ])
  return textAt(joined, 0, joined.length)
}

function prefixSize(bytes: Buffer, start: number, dialect: Dialect): number {
  const at = start + FIELD.prefix[0]
  if (dialect === 'v7' || bytes[at] === 0) return 0
  if (dialect === 'ustar') return textEnd(bytes, at, FIELD.prefix[1]) - at
  if (dialect === 'star') return textEnd(bytes, at, 131) - at
  // Here GNU has atime and ctime. Go before 1.8 wrote a prefix into headers with GNU's magic, so old layers have
  // some: taken for one where it is ASCII and no time (archive/tar reader.go, readHeader).
  if (!Number.isNaN(numberAt(bytes, at, 12)) && !Number.isNaN(numberAt(bytes, at + 12, 12)))
    return 0
  const size = textEnd(bytes, at, FIELD.prefix[1]) - at
  for (let i = at; i < at + size; i++) if (bytes[i]! >= 0x80) return 0
  return size
}

/** Largest owner number that Linux can hold. */
const MAX_ID = 0xffff_ffff

/** A numeric field that may not be negative nor above `max`. Throws FORMAT_INVALID naming the field. */
export function countAt(
  bytes: Uint8Array,
  start: number,
  field: 'mode' | 'uid' | 'gid' | 'size' | 'devmajor' | 'devminor',
  fail: Fail,
): number {
  const [offset, size] = FIELD[field]
  const value = numberAt(bytes, start + offset, size)
  const max = field === 'size' ? Number.MAX_SAFE_INTEGER : MAX_ID
  if (value >= 0 && value <= max) return value
  return fail(
    offset,
    `its ${field} is ${Number.isNaN(value) ? 'no number' : `${value}, not 0 to ${max}`}`,
  )
}
