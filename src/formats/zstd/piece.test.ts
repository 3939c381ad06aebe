import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { ZstdPieces } from './piece.ts'

const good = Buffer.from('a piece that comes after what is damaged '.repeat(5))
const goodFrame = zstdCompressSync(good)

suite('pieces of zstd', () => {
  test('are what was compressed, one after the other, of any size', () => {
    const pieces = new ZstdPieces()
    const checksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }
    for (const size of [0, 1, 300, 70_000, 1_048_576, 3_000_000, 1_048_577, 5]) {
      const bytes = Buffer.alloc(size).map((_, i) => (i * 7919) >> 6)
      for (const init of [{}, checksum]) {
        const got = pieces.decode(zstdCompressSync(bytes, init), size)
        assert(got !== undefined && Buffer.from(got).equals(bytes), `${size} bytes`)
      }
    }
    pieces.close()
  })

  test('cut anywhere they are none, and the next one is right', () => {
    const pieces = new ZstdPieces()
    for (let end = 0; end < goodFrame.length; end++) {
      assert.equal(pieces.decode(goodFrame.subarray(0, end), good.length), undefined)
      assert(good.equals(pieces.decode(goodFrame, good.length)!))
    }
  })

  test('two frames, another size, and bytes behind are none', () => {
    const pieces = new ZstdPieces()
    const twice = Buffer.concat([goodFrame, goodFrame])
    assert.equal(pieces.decode(twice, 2 * good.length), undefined)
    assert.equal(pieces.decode(goodFrame, good.length - 1), undefined)
    assert.equal(pieces.decode(goodFrame, good.length + 1), undefined)
    assert.equal(pieces.decode(Buffer.concat([goodFrame, Buffer.of(0)]), good.length), undefined)
    assert(good.equals(pieces.decode(goodFrame, good.length)!))
  })

  test('whatever comes, the next one is right', () => {
    const pieces = new ZstdPieces()
    const damage = fc.tuple(fc.nat(goodFrame.length - 1), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), damage), (what) => {
        const stored = Array.isArray(what) ? Buffer.from(goodFrame) : what
        if (Array.isArray(what)) stored[what[0]]! ^= what[1]
        const got = pieces.decode(stored, good.length)
        assert(got === undefined || got.length === good.length)
        assert(good.equals(pieces.decode(goodFrame, good.length)!))
      }),
    )
  })
})
