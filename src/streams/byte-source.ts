/**
 * A stream of bytes inside the house: pulled, so that a slow reader slows the writer, and cleaned up by `return()`.
 * A chunk belongs to whoever received it until the next pull; who keeps bytes copies them.
 */
export type ByteSource = AsyncIterable<Uint8Array>

/** A source of the given pieces. */
export async function* bytesFrom(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

/** All bytes of `source` in one piece. Throws `tooLarge()` before it holds more than `limit` bytes. */
export async function collect(
  source: ByteSource,
  limit: number,
  tooLarge: (size: number) => Error,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of source) {
    size += piece.length
    if (size > limit) throw tooLarge(size)
    pieces.push(piece.slice())
  }
  return Buffer.concat(pieces, size)
}
