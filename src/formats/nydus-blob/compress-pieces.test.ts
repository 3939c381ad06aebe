import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decompressPiece } from './chunk-codec.ts'
import { decryptPiece, newBlobCipher } from './cipher.ts'
import { run, storedSize } from './compress-pieces.ts'
import { MAX_PIECE_GROWTH } from './slab-size.ts'

const cipher = newBlobCipher()

/** Pieces, many of which are short, repeat themselves, or look like padded ones. */
const piece = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc
    .record({ byte: fc.nat(255), size: fc.integer({ min: 1, max: 300 }) })
    .map(({ byte, size }) => new Uint8Array(size).fill(byte)),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => Uint8Array.from([...bytes, 0x78, 0x90])),
  fc.nat(255).map((byte) => Uint8Array.from([...Array<number>(16).fill(byte), 0x78, 0x90])),
)

for (const compressor of ['zstd', 'lz4_block'] as const) {
  test(`${compressor}: encrypted pieces come back as readers take them: compressed where the size differs`, () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 20 }), (pieces) => {
        const input = Buffer.concat(pieces)
        let end = 0
        const ends = Uint32Array.from(pieces, ({ length }) => (end += length))
        const output = new Uint8Array(input.length + pieces.length * MAX_PIECE_GROWTH)
        const { sizes } = run({ codec: { compressor, level: 3 }, cipher, ends }, input, output)
        let at = 0
        for (const [i, bytes] of pieces.entries()) {
          const stored = output.subarray(at, (at += sizes[i]!))
          const plain = decryptPiece(stored, cipher, 'x')
          const codec = sizes[i] === storedSize(bytes.length, true) ? 'none' : compressor
          assert.deepEqual(
            Buffer.from(decompressPiece(plain, codec, bytes.length, 'x')),
            Buffer.from(bytes),
          )
        }
      }),
      { numRuns: 300 },
    )
  })
}
