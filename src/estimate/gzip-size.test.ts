import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { gzipSize, ISIZE_SIZE } from './gzip-size.ts'

const GIB = 1024 ** 3

function trailer(size: number): Uint8Array {
  const bytes = Buffer.alloc(ISIZE_SIZE)
  bytes.writeUInt32LE(size % 2 ** 32)
  return bytes
}

test('a gzip file says its uncompressed size', () => {
  const packed = gzipSync(Buffer.alloc(123_456))
  assert.equal(gzipSize(packed.subarray(-ISIZE_SIZE), 100_000), 123_456)
})

test('that of more than 4 GiB is found by what is expected', () => {
  for (const size of [4 * GIB, 4 * GIB + 1, 11 * GIB, 4 * GIB - 1]) {
    assert.equal(gzipSize(trailer(size), size * 1.1), size)
    assert.equal(gzipSize(trailer(size), size * 0.9), size)
  }
})

test('that of the last of several members is not believed', () => {
  assert.equal(gzipSize(trailer(0), 50_000_000), undefined)
  assert.equal(gzipSize(trailer(512), 50_000_000), undefined)
})
