import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Chunk, ChunkStore } from './chunk-store.ts'
import { Records } from './records.ts'

test('records keep their words over page ends, and copies are of all words', () => {
  const records = new Records(3)
  const other = new Records(3)
  for (let id = 0; id < 2050; id++) {
    assert.equal(records.add(), id)
    for (let word = 0; word < 3; word++) records.set(id, word, id * 4 + word)
  }
  other.add()
  for (const id of [0, 1023, 1024, 2049]) {
    const made = other.addFrom(records, id)
    const words = [0, 1, 2].map((word) => other.get(made, word))
    assert.deepEqual(words, [id * 4, id * 4 + 1, id * 4 + 2])
  }
  assert.equal(other.length, 5)
  assert.equal(records.size, 3 * 1024 * 3 * 4)
})

test('two words hold every safe integer', () => {
  const records = new Records(4)
  records.add()
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      records.setWide(0, 1, value)
      assert.equal(records.getWide(0, 1), value)
    }),
  )
  for (const value of [Number.MIN_SAFE_INTEGER, -(2 ** 32), -1, 0, 2 ** 32, 2 ** 53 - 1]) {
    records.setWide(0, 1, value)
    assert.equal(records.getWide(0, 1), value)
  }
  assert.deepEqual([records.get(0, 0), records.get(0, 3)], [0, 0])
})

test('chunks are sorted as they compare, also those whose digests begin alike', () => {
  const byte = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)
  const chunk = fc.record({
    digest: fc.array(byte, { minLength: 2, maxLength: 2 }).map(([first, later]) => {
      const digest = new Uint8Array(32)
      digest[0] = first!
      digest[20] = later!
      return digest
    }),
    blobIndex: fc.nat(2),
    index: fc.nat(5),
  })
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 60 }), (list) => {
      const chunks = new ChunkStore()
      for (const one of list) chunks.add({ ...NO_CHUNK, ...one })
      const ids = Uint32Array.from(list.keys())
      const expected = Array.from(ids).toSorted((a, b) => chunks.compare(a, b))
      assert.deepEqual(Array.from(chunks.sorted(ids)), expected)
    }),
  )
})

const NO_CHUNK: Omit<Chunk, 'digest' | 'blobIndex' | 'index'> = {
  flags: 0,
  compressedOffset: 0,
  compressedSize: 1,
  uncompressedOffset: 0,
  uncompressedSize: 1,
  crc32: 0,
}
