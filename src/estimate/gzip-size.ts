import { viewOf } from '../bytes/layout.ts'

/** Bytes at the end of a gzip file that say how long its content is. Source: RFC 1952, ISIZE. */
export const ISIZE_SIZE = 4
const MODULUS = 2 ** 32

/**
 * The uncompressed size of a gzip layer, whose last four bytes are `trailer`: they say it modulo 4 GiB, and of the last
 * member alone. `expected` is what the layer's beginning makes of it; undefined where what the trailer says is not near that,
 * because there are several members.
 */
export function gzipSize(trailer: Uint8Array, expected: number): number | undefined {
  const low = viewOf(trailer).getUint32(0, true)
  const size = low + MODULUS * Math.max(0, Math.round((expected - low) / MODULUS))
  return size > expected / FAR && size < expected * FAR ? size : undefined
}

/** Layers do not change so much in kind from their first bytes on. */
const FAR = 4
