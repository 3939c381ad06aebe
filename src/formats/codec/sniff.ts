import type { Compression } from './decoder.ts'

/** Bytes that `sniff` needs to be sure; fewer only where the whole layer is shorter. */
export const SNIFF_SIZE = 4

/**
 * How bytes that begin with `first` are compressed: gzip (1f 8b), zstd (frame 28 b5 2f fd, or a skippable frame
 * 5? 2a 4d 18), else not at all: a tar begins with a name or zeros. No byte at all is an empty tar.
 */
export function sniff(first: Uint8Array): Compression {
  const [a, b, c, d] = first
  if (a === 0x1f && b === 0x8b) return 'gzip'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd'
  if (a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd'
  return 'none'
}
