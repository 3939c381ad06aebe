/** Bytes that a zstd frame of `size` bytes may take: with so much room the library compresses straight into it, and a little better (ZSTD_COMPRESSBOUND). */
export function frameBound(size: number): number {
  return size + (size >> 8) + 128
}
