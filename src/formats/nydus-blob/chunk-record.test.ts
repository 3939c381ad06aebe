import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { viewOf } from '../../bytes/layout.ts'
import { RecordReader } from '../../bytes/record-reader.ts'
import { ChunkStore } from '../nydus-tree/chunk-store.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import { decodeChunkRecord, encodeChunkRecord, fileOffsetAt } from './chunk-record.ts'
import { ChunkRecord } from './layout.ts'

test('a chunk record is what its layout says', () => {
  const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const chunk = fc.record({
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    blobIndex: fc.nat(253),
    index: u32,
    flags: fc.nat(0xffff),
    compressedOffset: fc.maxSafeNat(),
    compressedSize: u32,
    uncompressedOffset: fc.maxSafeNat(),
    uncompressedSize: u32,
    crc32: u32,
  })
  fc.assert(
    fc.property(chunk, fc.maxSafeNat(), (one, fileOffset) => {
      const chunks = new ChunkStore()
      const id = chunks.add(one)
      const expected = new Uint8Array(100)
      ChunkRecord.encode(viewOf(expected), 10, { ...one, fileOffset })
      const bytes = new Uint8Array(100)
      encodeChunkRecord({ bytes, view: viewOf(bytes) }, 10, chunks, id, fileOffset)
      assert.deepEqual(bytes, expected)
      const reader = new RecordReader(bytes, formatFailure('a record', 'test'))
      assert.deepEqual(decodeChunkRecord(reader, 10), { ...one })
      assert.equal(fileOffsetAt(reader, 10), fileOffset)
    }),
  )
})
