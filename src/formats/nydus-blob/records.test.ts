import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { viewOf } from '../../bytes/layout.ts'
import { isAccelError } from '../../errors/accel-error.ts'
import { algorithmFlags, algorithmsOf, COMPRESSORS, DIGESTERS } from './algorithm.ts'
import {
  type ChunkInfo,
  packChunkInfoV1,
  packChunkInfoV2,
  unpackChunkInfoV1,
  unpackChunkInfoV2,
} from './chunk-info.ts'
import {
  blobMetaFile,
  type ChunkTable,
  decodeChunkTable,
  decodeChunkTableHeader,
  encodeChunkTable,
  encodeChunkTableHeader,
} from './chunk-table.ts'
import { BlobFeature, featureProblem, NATIVE_LAYER_FEATURES } from './feature.ts'
import { ChunkInfoV1, ChunkInfoV2, ZranContext } from './layout.ts'
import { decodeSectionHeader, encodeSectionHeader } from './section-header.ts'

const golden = readFileSync(
  join(
    import.meta.dirname,
    '../../../test/fixtures/nydus/blobs/be7d77eeb719f70884758d1aa800ed0fb09d701aaec469964e9d54325f0d5fef',
  ),
)

const plain = { compressed: true, encrypted: false }

test('chunk-table entries of the first form have the bytes that nydus writes', () => {
  const bytes = Buffer.from(
    '00000000002022040000000000b02d010050000000704503dc12000000d0b900',
    'hex',
  )
  const infos = [0, 16].map((at) => unpackChunkInfoV1(ChunkInfoV1.decode(viewOf(bytes), at)))
  assert.deepEqual(infos, [
    {
      ...plain,
      uncompressedOffset: 0,
      uncompressedSize: 16931,
      compressedOffset: 0,
      compressedSize: 4828,
    },
    {
      ...plain,
      uncompressedOffset: 20480,
      uncompressedSize: 13400,
      compressedOffset: 4828,
      compressedSize: 2974,
    },
  ])
  const table: ChunkTable = { v2: false, count: 2, chunks: infos }
  assert.equal(Buffer.from(encodeChunkTable(table)).toString('hex'), bytes.toString('hex'))
})

test('a zran entry and a zran context have the bytes that nydus writes', () => {
  const entry = Buffer.from('000000007b050003b8000000008902000004000000000000', 'hex')
  const info = unpackChunkInfoV2(ChunkInfoV2.decode(viewOf(entry), 0))
  assert.deepEqual(info, {
    ...plain,
    uncompressedOffset: 0,
    uncompressedSize: 1404,
    compressedOffset: 184,
    compressedSize: 649,
    zran: { context: 0, offset: 1024 },
  })
  const again = new Uint8Array(24)
  ChunkInfoV2.encode(viewOf(again), 0, packChunkInfoV2(info))
  assert.deepEqual(Buffer.from(again), entry)
  const context = '71dd0200000000000d100f00000000000000000000000000ad0b0900f37d1b000080000067050000'
  assert.deepEqual(ZranContext.decode(viewOf(Buffer.from(context, 'hex')), 0), {
    inOffset: 187761,
    outOffset: 987149,
    dictOffset: 0,
    inLength: 592813,
    outLength: 1801715,
    dictLength: 32768,
    previousByte: 103,
    pendingBits: 5,
  })
})

const block = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((n) => n * 4096)
const sizes = {
  uncompressedSize: fc.integer({ min: 1, max: 2 ** 24 }),
  compressedOffset: fc.maxSafeNat().map((n) => n % 2 ** 40),
}

test('packed entries hold every value in range, and refuse others', () => {
  fc.assert(
    fc.property(
      fc.record({
        ...sizes,
        uncompressedOffset: block,
        compressedSize: fc.integer({ min: 1, max: 2 ** 24 }),
      }),
      (sample) => {
        const compressed = sample.compressedSize !== sample.uncompressedSize
        const info: ChunkInfo = { ...sample, compressed, encrypted: false }
        assert.deepEqual(unpackChunkInfoV1(packChunkInfoV1(info)), info)
      },
    ),
  )
  const third = fc.oneof(
    fc.record({ crc32: fc.integer({ min: 1, max: 2 ** 32 - 1 }) }),
    fc.tuple(fc.nat(), fc.nat()).map(([context, offset]) => ({ zran: { context, offset } })),
    fc.tuple(fc.nat(), fc.nat()).map(([batch, offset]) => ({ batch: { batch, offset } })),
    fc.constant({}),
  )
  const v2 = { uncompressedOffset: block, compressedSize: fc.integer({ min: 0, max: 2 ** 24 - 1 }) }
  fc.assert(
    fc.property(
      fc.record({ ...sizes, ...v2, compressed: fc.boolean(), encrypted: fc.boolean() }),
      third,
      (sample, data) => {
        const info: ChunkInfo = { ...sample, ...data }
        assert.deepEqual(unpackChunkInfoV2(packChunkInfoV2(info)), info)
      },
    ),
  )
  const info = {
    ...plain,
    uncompressedOffset: 0,
    uncompressedSize: 1,
    compressedOffset: 0,
    compressedSize: 1,
  }
  assert.throws(() => packChunkInfoV1({ ...info, compressedSize: 0 }), RangeError)
  assert.throws(() => packChunkInfoV1({ ...info, uncompressedOffset: 100 }), RangeError)
  assert.throws(() => packChunkInfoV2({ ...info, compressedSize: 2 ** 24 }), RangeError)
  assert.throws(() => packChunkInfoV2({ ...info, compressedOffset: 2 ** 40 }), RangeError)
})

test('the header of a chunk table has the bytes that nydus writes', () => {
  const table: ChunkTable = { v2: false, count: 2, chunks: [] }
  const header = encodeChunkTableHeader(table, {
    features: 0x7000_0021,
    compressor: 'none',
    offset: 8314,
    size: 32,
  })
  assert.deepEqual(Buffer.from(header), golden.subarray(8346, 8346 + 4096))
  const read = decodeChunkTableHeader(header, 'test')
  assert.deepEqual([read.compressor, read.ciEntries, read.ciUncompressedSize], ['none', 2, 32])
  const file = blobMetaFile(golden.subarray(8314, 8346), header)
  assert.deepEqual([file.length, file.indexOf(0x0b, 32)], [8192, 4096])
})

test('tables with zran contexts or batches are read as they were written', () => {
  const context = { dictOffset: 0, inLength: 10, outLength: 100, previousByte: 7, pendingBits: 3 }
  const info = {
    ...plain,
    uncompressedOffset: 0,
    uncompressedSize: 50,
    compressedOffset: 0,
    compressedSize: 0,
  }
  const zran: ChunkTable = {
    v2: true,
    count: 1,
    chunks: [{ ...info, zran: { context: 1, offset: 50 } }],
    zran: {
      contexts: [
        { ...context, inOffset: 10, outOffset: 0, dictLength: 0 },
        { ...context, inOffset: 20, outOffset: 100, dictLength: 5 },
      ],
      dictionaries: Buffer.from('abcde'),
    },
  }
  const batch: ChunkTable = {
    v2: true,
    count: 1,
    chunks: [{ ...info, batch: { batch: 0, offset: 10 } }],
    batches: [{ compressedSize: 30, uncompressedSize: 60 }],
  }
  const cases: [ChunkTable, number][] = [
    [zran, BlobFeature.chunkInfoV2 | BlobFeature.zran],
    [batch, BlobFeature.chunkInfoV2 | BlobFeature.batch],
  ]
  for (const [table, features] of cases) {
    const bytes = encodeChunkTable(table)
    const stored = { features, compressor: 'none', offset: 0, size: bytes.length } as const
    const header = decodeChunkTableHeader(encodeChunkTableHeader(table, stored), 'test')
    const bounds = { compressedSize: 100, uncompressedSize: 4096 }
    const read = decodeChunkTable(bytes, header, 'test', bounds)
    assert.deepEqual(
      {
        ...read,
        chunks: [...read.chunks],
        ...(read.zran && {
          zran: { ...read.zran, dictionaries: Buffer.from(read.zran.dictionaries) },
        }),
      },
      table,
    )
    assert.throws(
      () => decodeChunkTable(bytes.subarray(1), header, 'test'),
      (error) => isAccelError(error, 'FORMAT_INVALID'),
    )
  }
})

test('chunks that a reader of blobs would refuse are refused', () => {
  const good = {
    ...plain,
    uncompressedOffset: 0,
    uncompressedSize: 5000,
    compressedOffset: 0,
    compressedSize: 100,
  }
  const next = { ...good, uncompressedOffset: 8192, compressedOffset: 100 }
  const bounds = { compressedSize: 200, uncompressedSize: 16384 }
  const check = (chunks: ChunkInfo[], v2 = true): void => {
    const table: ChunkTable = { v2, count: chunks.length, chunks }
    const bytes = encodeChunkTable(table)
    const features = v2 ? BlobFeature.chunkInfoV2 : 0
    const stored = { features, compressor: 'none', offset: 0, size: bytes.length } as const
    const header = decodeChunkTableHeader(encodeChunkTableHeader(table, stored), 'test')
    decodeChunkTable(bytes, header, 'test', bounds)
  }
  check([good, next])
  check([good, next], false)
  const wrong: ChunkInfo[][] = [
    [good, { ...next, compressedSize: 101 }],
    [good, { ...next, uncompressedOffset: 12288 }],
    [good, good],
    [{ ...good, compressedSize: 0 }],
    [{ ...good, compressed: false }],
    [good, { ...next, uncompressedSize: 9000 }],
    [{ ...good, zran: { context: 0, offset: 0 } }],
    [{ ...good, batch: { batch: 0, offset: 0 } }],
  ]
  for (const chunks of wrong) {
    assert.throws(
      () => check(chunks),
      (error) => isAccelError(error, 'FORMAT_INVALID'),
    )
  }
})

test('the tar header of a section has the bytes that nydus writes', () => {
  assert.deepEqual(
    Buffer.from(encodeSectionHeader('image.blob', 7802)),
    golden.subarray(7802, 8314),
  )
  assert.deepEqual(Buffer.from(encodeSectionHeader('rafs.blob.toc', 512)), golden.subarray(14042))
  for (const size of [0, 8 ** 11 - 1, 8 ** 11, 2 ** 40]) {
    const header = encodeSectionHeader('image.blob', size)
    assert.deepEqual(decodeSectionHeader(header, 0, 'test'), { name: 'image.blob', size })
  }
  const header = encodeSectionHeader('image.blob', 1)
  header[0] = 0x4a
  assert.throws(
    () => decodeSectionHeader(header, 100, 'blob 1'),
    (error) => isAccelError(error, 'FORMAT_INVALID') && error.context.offset === 100,
  )
})

test('flags and features say what they are made of', () => {
  for (const compressor of COMPRESSORS) {
    for (const digester of DIGESTERS) {
      assert.deepEqual(algorithmsOf(algorithmFlags(compressor, digester)), { compressor, digester })
    }
  }
  assert.equal(algorithmsOf(0x5 | 0x2), undefined)
  assert.equal(algorithmsOf(0x1), undefined)
  assert.equal(NATIVE_LAYER_FEATURES, 0x7000_0023)
  assert.equal(featureProblem(0x7000_0023), undefined)
  assert.match(featureProblem(0x1000) ?? '', /unknown/)
  assert.match(featureProblem(0x8000_0000) ?? '', /internal/)
})
