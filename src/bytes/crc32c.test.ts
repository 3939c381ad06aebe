import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

test('CRC-32C gives its check value and those of RFC 3720', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe306_9283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd_794e)
  assert.equal(crc32c(new Uint8Array()), 0)
})

test('a CRC goes on where another ended, at any cut', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i * 37)
  for (let cut = 0; cut <= 100; cut++) {
    assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes))
  }
})
