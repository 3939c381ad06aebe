import { isUtf8 } from 'node:buffer'

/**
 * The number in a header field: octal digits with spaces or zero bytes around them (an empty field is 0), or, where
 * the first bit is set, GNU's base-256: two's complement, big-endian, the first bit dropped.
 * NaN where it is neither, or no safe integer.
 */
export function numberAt(bytes: Uint8Array, start: number, size: number): number {
  if (bytes[start]! >= 0x80) return base256At(bytes, start, size)
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
  // A negative number is read as its complement, so that no intermediate leaves the safe integers.
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
  return { text, bytes: copyOf(bytes, start, end) }
}

/** A copy, of its own memory. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end))
}
