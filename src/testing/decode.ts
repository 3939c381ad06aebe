import { cut } from './read-tar.ts'
import type { Decoder } from '../formats/codec/decoder.ts'

/**
 * All that comes out of `bytes`, cut into pieces of the given sizes, over and over. Each piece is overwritten as soon
 * as the decoder is done with it, so that a view kept too long shows. The decoder is closed in the end.
 */
export function decodeAll(
  decoder: Decoder,
  bytes: Uint8Array,
  pieces: readonly number[] = [],
): Buffer {
  const decoded: Uint8Array[] = []
  const drain = () => {
    for (let made = decoder.next(); made !== undefined; made = decoder.next()) {
      decoded.push(new Uint8Array(made))
    }
  }
  try {
    for (const piece of cut(bytes, pieces)) {
      decoder.push(piece)
      drain()
      piece.fill(0xee)
    }
    decoder.end()
    drain()
    return Buffer.concat(decoded)
  } finally {
    decoder.close()
  }
}
