import { crc32 } from 'node:zlib'

/** Flag bits of a gzip header. Source: RFC 1952, section 2.3.1. */
const Flag = { hcrc: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const

const MAGIC = [0x1f, 0x8b]

/** Bytes before the optional fields. */
const FIXED_SIZE = 10

/** Longest header that is read: the extra field alone may have 64 KiB; names and comments have no limit of their own. */
export const MAX_GZIP_HEADER = 256 * 1024

/** CRC-32 and size of the uncompressed bytes, behind the blocks of a member. */
export const GZIP_TRAILER_SIZE = 8

/**
 * Bytes of the gzip header that begins at `start`, undefined where the bytes before `end` do not hold all of it, or
 * what is wrong with it.
 *
 *     1f 8b 08 | flags | time (4) | 2 | [extra: length (2), bytes] | [name, 0] | [comment, 0] | [CRC-16]
 */
export function gzipHeaderSize(
  bytes: Uint8Array,
  start: number,
  end: number,
): number | string | undefined {
  if (!MAGIC.every((byte, i) => start + i >= end || bytes[start + i] === byte)) {
    return 'no gzip member begins here'
  }
  if (end - start < FIXED_SIZE) return undefined
  if (bytes[start + 2] !== 8) return `compression method ${bytes[start + 2]} of a gzip member`
  const flags = bytes[start + 3]!
  if ((flags & Flag.reserved) !== 0) return `unknown flags 0x${flags.toString(16)} of a gzip member`
  let at = start + FIXED_SIZE
  if ((flags & Flag.extra) !== 0) {
    if (at + 2 > end) return undefined
    at += 2 + bytes[at]! + bytes[at + 1]! * 256
  }
  for (const flag of [Flag.name, Flag.comment]) {
    if ((flags & flag) === 0) continue
    const zero = at < end ? bytes.subarray(0, end).indexOf(0, at) : -1
    if (zero === -1) return undefined
    at = zero + 1
  }
  if ((flags & Flag.hcrc) !== 0) {
    if (at + 2 > end) return undefined
    const want = bytes[at]! + bytes[at + 1]! * 256
    if ((crc32(bytes.subarray(start, at)) & 0xffff) !== want)
      return 'the CRC of a gzip header is wrong'
    at += 2
  }
  return at <= end ? at - start : undefined
}
