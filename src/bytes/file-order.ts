import { strict as assert } from 'node:assert'

/** Bytes of the pieces that go out. */
const PIECE_SIZE = 256 * 1024

/**
 * Joins pieces, which come front to back, into one run of `size` bytes with zeros between them. A piece is copied
 * at once and may be used again by who yields it; what comes out belongs to the caller.
 */
export function* inFileOrder(
  pieces: Iterable<{ offset: number; bytes: Uint8Array }>,
  size: number,
): Generator<Uint8Array> {
  let out = new Uint8Array(Math.min(PIECE_SIZE, size))
  let start = 0
  let written = 0
  for (const { offset, bytes } of pieces) {
    assert.ok(offset >= written, `bytes for ${offset} come after those for ${written}`)
    written = offset + bytes.length
    assert.ok(written <= size, `bytes up to ${written} in a file of ${size}`)
    let taken = 0
    while (taken < bytes.length) {
      while (offset + taken >= start + out.length) {
        yield out
        start += out.length
        out = new Uint8Array(Math.min(PIECE_SIZE, size - start))
      }
      const at = offset + taken - start
      const part = bytes.subarray(taken, taken + out.length - at)
      out.set(part, at)
      taken += part.length
    }
  }
  while (start < size) {
    yield out
    start += out.length
    out = new Uint8Array(Math.min(PIECE_SIZE, size - start))
  }
}
