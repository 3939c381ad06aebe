import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import * as fc from 'fast-check'
import { bitPrefix } from './bit-prefix.ts'
import { BlockWalk } from './block-walk.ts'

const walk = new BlockWalk()

/** How much output some bytes have, and how compressible it is. */
const content = fc
  .record({ size: fc.integer({ min: 0, max: 30_000 }), symbols: fc.integer({ min: 1, max: 256 }) })
  .chain(({ size, symbols }) =>
    fc.uint8Array({ minLength: size, maxLength: size, max: symbols - 1, size: 'max' }),
  )
const strategy = fc.constantFrom(
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FIXED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
)
const level = fc.integer({ min: 0, max: 9 })

test('a walk ends where the blocks do, from whatever bit they begin at', () => {
  fc.assert(
    fc.property(content, level, strategy, fc.nat(7), (bytes, level, strategy, bits) => {
      const deflated = deflateRawSync(bytes, { level, strategy })
      const pending = walk.walk(deflated, 0, deflated.length, bytes.length)
      assert.ok(pending !== undefined && pending >= 0 && pending < 8)
      // What is behind the last block does not matter.
      const marked = Uint8Array.from(deflated)
      marked[marked.length - 1]! |= 0xff << (8 - pending)
      assert.equal(walk.walk(marked, 0, marked.length, bytes.length), pending)
      // Empty blocks of as many bits as leave `bits` of their last byte to what follows.
      const prefix = bitPrefix(bits, 0)
      assert.equal(walk.walk(prefix, 0, prefix.length, 0), prefix.length === 0 ? 0 : bits)
    }),
    { numRuns: 60 },
  )
})

test('a walk tells output of another size, and bytes that are no blocks', () => {
  const deflated = deflateRawSync('some text, some more text')
  assert.equal(walk.walk(deflated, 0, deflated.length, 24), undefined)
  assert.equal(walk.walk(deflated, 0, deflated.length, 26), undefined)
  assert.equal(walk.walk(deflated, 0, deflated.length - 1, 25), undefined)
  assert.equal(walk.walk(deflated, 1, deflated.length, 25), undefined)
  assert.equal(walk.walk(Uint8Array.of(0x07, 0, 0, 0), 0, 4, 0), undefined)
  // A stored block whose length does not fit, one that is longer than the bytes.
  assert.equal(walk.walk(Uint8Array.of(0, 1, 0, 0xff, 0xff, 65), 0, 6, 1), undefined)
  assert.equal(walk.walk(Uint8Array.of(0, 9, 0, 0xf6, 0xff, 65), 0, 6, 9), undefined)
})

/** The bits of `bytes`, behind `count` that are set. */
function shifted(bytes: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(bytes.length + 1)
  out[0] = (1 << count) - 1
  for (const [i, byte] of bytes.entries()) {
    out[i]! |= byte << count
    out[i + 1] = byte >> (8 - count)
  }
  return out
}

test('a block may begin where it does, whatever it is and however little of it is known', () => {
  // Of fewer than 144 symbols: no stored blocks, which end at a byte and cannot be shifted.
  const symbols = fc.uint8Array({ maxLength: 30_000, max: 100, size: 'max' })
  const compressed = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(
      symbols,
      compressed,
      strategy,
      fc.nat(7),
      fc.nat(300),
      (bytes, level, strategy, bits, known) => {
        const deflated = shifted(deflateRawSync(bytes, { level, strategy }), bits)
        const output = bytes.subarray(0, known)
        assert.ok(walk.mayBegin(deflated, bits, deflated.length, output))
      },
    ),
    { numRuns: 100 },
  )
  const stored = deflateRawSync('stored', { level: 0 })
  assert.ok(walk.mayBegin(stored, 0, stored.length, Buffer.from('stor')))
  assert.ok(!walk.mayBegin(stored, 0, stored.length, Buffer.from('storm')))
})

test('by a line of output the first bit of a block is told from those around it', () => {
  const text = Buffer.from(
    'a line of the text that a block with codes of its own begins with\n'.repeat(9),
  )
  for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED]) {
    const deflated = deflateRawSync(text, { strategy })
    for (let bits = 0; bits < 8; bits++) {
      const bytes = shifted(deflated, bits)
      const possible = [0, 1, 2, 3, 4, 5, 6, 7].filter((start) =>
        walk.mayBegin(bytes, start, bytes.length, text.subarray(0, 128)),
      )
      assert.deepEqual(possible, [bits])
    }
  }
})
