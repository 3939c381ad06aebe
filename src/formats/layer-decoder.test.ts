import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { decodeAll } from '../testing/decode.ts'
import { tarBlock } from '../testing/tar-block.ts'
import type { Compression } from './codec/decoder.ts'
import { sniff } from './codec/sniff.ts'
import { openDecoder } from './layer-decoder.ts'

const tar = Buffer.concat([tarBlock(), Buffer.alloc(1024)])

/** First bytes, and what they begin. */
const first: [string, Compression][] = [
  ['1f8b0800', 'gzip'],
  ['1f8b', 'gzip'],
  ['1f', 'none'],
  ['1f8c0800', 'none'],
  ['28b52ffd', 'zstd'],
  ['28b52f', 'none'],
  ['502a4d18', 'zstd'],
  ['5f2a4d18', 'zstd'],
  ['602a4d18', 'none'],
  ['184d2a50', 'none'],
  ['', 'none'],
  ['00000000', 'none'],
  [Buffer.from('usr/').toString('hex'), 'none'],
]

for (const [hex, compression] of first) {
  test(`bytes ${hex || 'at all missing'}: ${compression}`, () => {
    assert.equal(sniff(Buffer.from(hex, 'hex')), compression)
  })
}

const layers: [Compression, Uint8Array][] = [
  ['gzip', gzipSync(tar)],
  ['zstd', zstdCompressSync(tar)],
  ['zstd', Buffer.concat([Buffer.from('522a4d180100000000', 'hex'), zstdCompressSync(tar)])],
  ['none', tar],
]

for (const [compression, layer] of layers) {
  test(`finds out that a layer is ${compression} (${layer.length} bytes), however it is cut`, () => {
    for (const pieces of [[], [1], [2], [3, 1], [4], [3, 1000], [1, 2, 3, 100]]) {
      const decoder = openDecoder({ what: 'test' })
      assert.equal(decoder.compression, undefined)
      assert(decodeAll(decoder, layer, pieces).equals(tar), pieces.join())
      assert.equal(decoder.compression, compression)
      assert.deepEqual([decoder.consumed, decoder.produced], [layer.length, tar.length])
    }
  })
}

test('a layer of fewer bytes than it takes to tell', () => {
  for (const [bytes, compression] of [
    [Buffer.alloc(0), 'none'],
    [Buffer.alloc(3), 'none'],
  ] as const) {
    const decoder = openDecoder({ what: 'test' })
    assert(decodeAll(decoder, bytes, [1]).equals(bytes))
    assert.equal(decoder.compression, compression)
  }
  const decoder = openDecoder({ what: 'test' })
  assert.throws(() => decodeAll(decoder, Buffer.from('1f8b', 'hex')), { code: 'FORMAT_TRUNCATED' })
  assert.equal(decoder.compression, 'gzip')
})

test('the options reach the decoder that was chosen', () => {
  for (const [, layer] of layers) {
    const decoder = openDecoder({ what: 'test', maxUncompressedSize: 1000, codec: 'fallback' })
    assert.throws(() => decodeAll(decoder, layer), { code: 'FORMAT_LIMIT_EXCEEDED' })
  }
})

test('close may come before the first byte', () => {
  openDecoder({ what: 'test' }).close()
})
