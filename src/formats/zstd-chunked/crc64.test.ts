import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Crc64 } from './crc64.ts'

function crc(...pieces: Uint8Array[]): string {
  const sum = new Crc64()
  for (const piece of pieces) sum.update(piece)
  return Buffer.from(sum.digest()).toString('hex')
}

/** Bit by bit, as the polynomial is defined. */
function slow(bytes: Uint8Array): string {
  let sum = 0xffff_ffff_ffff_ffffn
  for (const byte of bytes) {
    sum ^= BigInt(byte)
    for (let i = 0; i < 8; i++) sum = sum & 1n ? (sum >> 1n) ^ 0xd800_0000_0000_0000n : sum >> 1n
  }
  return (sum ^ 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0')
}

suite('CRC-64', () => {
  test('what tar-split writes for a file', () => {
    const bytes = Buffer.from('127.0.0.1 localhost\n')
    assert.equal(Buffer.from(crc(bytes), 'hex').toString('base64'), 'g3DU+T+kMT0=')
  })

  test('equals the definition, however the bytes are cut and where they lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), fc.nat(7), (bytes, cut, shift) => {
        const moved = new Uint8Array(bytes.length + shift).subarray(shift)
        moved.set(bytes)
        assert.equal(crc(moved.subarray(0, cut), moved.subarray(cut)), slow(bytes))
      }),
    )
  })
})
