import type { Fail } from './fault.ts'
import { numberAt, textAt, textEnd } from './field.ts'
import type { Text } from './field.ts'
import { BLOCK_SIZE, UstarHeader } from './layout.ts'

/** Which dialect the magic bytes tell; what is none of them is read as v7: no prefix, owner names or devices. */
export type Dialect = 'v7' | 'ustar' | 'star' | 'gnu'

/** Largest owner number that Linux can hold. */
export const MAX_ID = 0xffff_ffff

const AT = UstarHeader.rows
const NAME = AT.name[0]
const NAME_SIZE = AT.name[1].size
const [MTIME, { size: MTIME_SIZE }] = AT.mtime
const CHKSUM = AT.chksum[0]
const MAGIC = AT.magic[0]
const PREFIX = AT.prefix[0]
const MAGIC_GNU = 'ustar  \0'
const MAGIC_USTAR = 'ustar\0'
const STAR = 508
const MAGIC_STAR = 'tar\0'
const STAR_PREFIX_SIZE = 131

/**
 * What the checksum says about the block at `start`: good, bad, or a block of zeros. `words` is a view of all of
 * `bytes`; `start` is a multiple of the block size.
 */
export function checkBlock(
  bytes: Uint8Array,
  words: Int32Array,
  start: number,
): 'good' | 'bad' | 'zero' {
  const sum = byteSum(words, start / 4)
  if (sum === 0) return 'zero'
  let field = 0
  for (let i = start + CHKSUM; i < start + CHKSUM + 8; i++) field += bytes[i]!
  // The checksum is taken as if its own field held spaces.
  const unsigned = sum - field + 8 * 0x20
  const stored = numberAt(bytes, start + CHKSUM, 8)
  if (stored === unsigned) return 'good'
  // Historic writers summed signed bytes.
  let high = 0
  for (let i = start; i < start + BLOCK_SIZE; i++) {
    if (bytes[i]! >= 0x80 && (i < start + CHKSUM || i >= start + CHKSUM + 8)) high++
  }
  return stored === unsigned - 256 * high ? 'good' : 'bad'
}

/** Sum of a block's bytes, four at a time. */
function byteSum(words: Int32Array, start: number): number {
  // Two sums of two 16-bit lanes: 128 words of at most 255 a lane cannot run over.
  let even = 0
  let odd = 0
  for (let i = start; i < start + BLOCK_SIZE / 4; i++) {
    const word = words[i]!
    even += word & 0x00ff_00ff
    odd += (word >>> 8) & 0x00ff_00ff
  }
  return (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16)
}

/** The dialect of the block at `start`. */
export function dialectOf(bytes: Uint8Array, start: number): Dialect {
  if (isAscii(bytes, start + MAGIC, MAGIC_GNU)) return 'gnu'
  if (!isAscii(bytes, start + MAGIC, MAGIC_USTAR)) return 'v7'
  return isAscii(bytes, start + STAR, MAGIC_STAR) ? 'star' : 'ustar'
}

function isAscii(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

/** Prefix and name of the block at `start`, joined. */
export function headerName(bytes: Buffer, start: number, dialect: Dialect): Text {
  const nameStart = start + NAME
  const nameEnd = textEnd(bytes, nameStart, NAME_SIZE)
  const prefixStart = start + PREFIX
  const prefixEnd = prefixStart + prefixSize(bytes, prefixStart, dialect)
  if (prefixEnd === prefixStart) return textAt(bytes, nameStart, nameEnd)
  const joined = Buffer.concat([
    bytes.subarray(prefixStart, prefixEnd),
    Buffer.from('/'),
    bytes.subarray(nameStart, nameEnd),
  ])
  return textAt(joined, 0, joined.length)
}

function prefixSize(bytes: Buffer, at: number, dialect: Dialect): number {
  if (dialect === 'v7' || bytes[at] === 0) return 0
  if (dialect === 'ustar') return textEnd(bytes, at, AT.prefix[1].size) - at
  if (dialect === 'star') return textEnd(bytes, at, STAR_PREFIX_SIZE) - at
  // Here GNU has atime and ctime. Go before 1.8 wrote a prefix into headers with GNU's magic, so old layers have
  // some: taken for one where it is ASCII and no time (Go archive/tar reader.go, readHeader).
  if (!Number.isNaN(numberAt(bytes, at, 12)) && !Number.isNaN(numberAt(bytes, at + 12, 12)))
    return 0
  const size = textEnd(bytes, at, AT.prefix[1].size) - at
  for (let i = at; i < at + size; i++) if (bytes[i]! >= 0x80) return 0
  return size
}

/** Whole seconds of the block's mtime; may be negative. Throws FORMAT_INVALID. */
export function headerTime(bytes: Uint8Array, start: number, fail: Fail): number {
  const seconds = numberAt(bytes, start + MTIME, MTIME_SIZE)
  return Number.isNaN(seconds) ? fail(MTIME, 'its mtime is no number') : seconds
}

/** A text field of a header. */
export interface TextField {
  readonly offset: number
  readonly size: number
}

export const LINKNAME = textField('linkname')
export const UNAME = textField('uname')
export const GNAME = textField('gname')

const NO_TEXT: Text = { text: '' }

/** A text of the block at `start`. */
export function headerText(bytes: Buffer, start: number, field: TextField): Text {
  const from = start + field.offset
  if (bytes[from] === 0) return NO_TEXT
  return textAt(bytes, from, textEnd(bytes, from, field.size))
}

/** A field of a header that holds a number of 0 to `max`. */
export interface CountField {
  readonly name: string
  readonly offset: number
  readonly size: number
  readonly max: number
}

export const MODE = countField('mode', MAX_ID)
export const UID = countField('uid', MAX_ID)
export const GID = countField('gid', MAX_ID)
export const SIZE = countField('size', Number.MAX_SAFE_INTEGER)
export const DEVMAJOR = countField('devmajor', MAX_ID)
export const DEVMINOR = countField('devminor', MAX_ID)

/** A number of the block at `start`. Throws FORMAT_INVALID naming the field. */
export function headerCount(
  bytes: Uint8Array,
  start: number,
  field: CountField,
  fail: Fail,
): number {
  const value = numberAt(bytes, start + field.offset, field.size)
  if (value >= 0 && value <= field.max) return value
  const { name, max } = field
  return fail(
    field.offset,
    Number.isNaN(value)
      ? `its ${name} is no number of 0 to ${max}`
      : `its ${name} is ${value}, not 0 to ${max}`,
  )
}

function textField(name: 'linkname' | 'uname' | 'gname'): TextField {
  const [offset, { size }] = AT[name]
  return { offset, size }
}

function countField(
  name: 'mode' | 'uid' | 'gid' | 'size' | 'devmajor' | 'devminor',
  max: number,
): CountField {
  const [offset, { size }] = AT[name]
  return { name, offset, size, max }
}
