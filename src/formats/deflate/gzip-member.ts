import { gzip } from 'libdeflate'

/** Levels of libdeflate: 1 is the fastest, 12 the smallest. */
export const MIN_LEVEL = 1
export const MAX_LEVEL = 12

/** About as small as zlib's level 6 and a third faster. Figures: docs/decisions/004-deflate.md. */
export const DEFAULT_LEVEL = 4

/**
 * `input` as one gzip member (RFC 1952: header of ten bytes `1f 8b 08 00`, no name and time, OS 255; CRC-32 and size
 * behind). The same input gives the same bytes on every machine.
 */
export function gzipMember(input: Uint8Array, level: number): Uint8Array {
  return gzip(input, level)
}
