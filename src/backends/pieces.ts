import type { ByteSource } from '../streams/byte-source.ts'

/**
 * `source` cut anew into pieces of `size` bytes, the last one shorter; none is empty. Each is memory of its own, which the
 * receiver may keep. The last piece comes only after the source has ended.
 */
export async function* piecesOf(source: ByteSource, size: number): AsyncGenerator<Uint8Array> {
  let piece: Buffer | undefined
  let filled = 0
  for await (const chunk of source) {
    let taken = 0
    while (taken < chunk.length) {
      if (piece !== undefined && filled === size) {
        yield piece
        piece = undefined
        filled = 0
      }
      piece ??= Buffer.allocUnsafeSlow(size)
      const count = Math.min(size - filled, chunk.length - taken)
      piece.set(chunk.subarray(taken, taken + count), filled)
      filled += count
      taken += count
    }
  }
  if (piece !== undefined) yield piece.subarray(0, filled)
}
