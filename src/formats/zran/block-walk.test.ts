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
