import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decryptPiece, encryptedSize, encryptPiece, looksPadded, newBlobCipher } from './cipher.ts'

const cipher = {
  key: Buffer.from('0123456789abcdef0123456789ABCDEF', 'latin1'),
  iv: Buffer.from('fedcba9876543210', 'latin1'),
}

test('the vector of the standard', () => {
  // IEEE 1619, annex B, vector 2: its data unit sequence number is the tweak
  const key = Buffer.concat([Buffer.alloc(16, 0x11), Buffer.alloc(16, 0x22)])
  const iv = Buffer.from('33333333330000000000000000000000', 'hex')
  assert.equal(
    Buffer.from(encryptPiece(Buffer.alloc(32, 0x44), { key, iv })).toString('hex'),
    'c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0',
  )
})

test('ciphertext stealing and padding, by the standard and by nydus', () => {
  // IEEE 1619, annex B, vector 15: 17 bytes
  const key = Buffer.from('fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0', 'hex')
  const iv = Buffer.from('9a785634120000000000000000000000', 'hex')
  const plain = Buffer.from('000102030405060708090a0b0c0d0e0f10', 'hex')
  assert.equal(
    Buffer.from(encryptPiece(plain, { key, iv })).toString('hex'),
    '6c1625db4671522d3d7599601de7ca09ed',
  )
  // 3 bytes become 3 and 13 of 13 and the end mark, which decrypt as any 18 bytes do
  const short = encryptPiece(Buffer.from('abc'), cipher)
  assert.equal(short.length, 18)
  assert.equal(Buffer.from(decryptPiece(short, cipher, 'x')).toString(), 'abc')
})

test('every length comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
      fc.pre(!looksPadded(bytes))
      const stored = encryptPiece(bytes, cipher)
      assert.equal(stored.length, encryptedSize(bytes.length))
      assert.deepEqual(Buffer.from(decryptPiece(stored, cipher, 'x')), Buffer.from(bytes))
    }),
  )
  for (let size = 1; size <= 40; size++) {
    const bytes = Buffer.alloc(size, size)
    assert.deepEqual(Buffer.from(decryptPiece(encryptPiece(bytes, cipher), cipher, 'x')), bytes)
  }
})

test('18 bytes that end as padding does are refused: readers would cut them', () => {
  const bytes = Buffer.concat([Buffer.alloc(16, 3), Buffer.from([0x78, 0x90])])
  assert.ok(looksPadded(bytes))
  assert.throws(() => encryptPiece(bytes, cipher), RangeError)
  assert.ok(!looksPadded(bytes.subarray(1)))
})

test('what is no encrypted piece is told', () => {
  assert.throws(() => decryptPiece(Buffer.alloc(15), cipher, 'x'), { code: 'FORMAT_INVALID' })
})

test('a new cipher has a key whose halves differ, and never the same', () => {
  const [one, other] = [newBlobCipher(), newBlobCipher()]
  assert.equal(one.key.length, 32)
  assert.equal(one.iv.length, 16)
  assert.notDeepEqual(one.key.subarray(0, 16), one.key.subarray(16))
  assert.notDeepEqual(one, other)
})
