import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { ChunkInfo } from '../formats/nydus-blob/chunk-info.ts'
import {
  decodeChunkTable,
  decodeChunkTableHeader,
  encodeChunkTable,
  encodeChunkTableHeader,
  type ChunkTable,
  type ReadChunkTable,
} from '../formats/nydus-blob/chunk-table.ts'
import { BlobFeature } from '../formats/nydus-blob/feature.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'
import {
  BATCH_SIZE,
  MAX_GAP,
  planRecordFetches,
  planTableFetches,
  type ChunkFetch,
} from './nydus-fetch.ts'

const CHUNK = 0x10_0000

/** A table as it is read, of chunks with these stored sizes, one behind the other. */
function tableOf(
  sizes: readonly number[],
  more: {
    features?: number
    of?: (index: number) => Partial<ChunkInfo>
  } & Partial<ChunkTable> = {},
): ReadChunkTable {
  const { features = 0, of = () => ({}), ...rest } = more
  let compressedOffset = 0
  const chunks = sizes.map((compressedSize, index): ChunkInfo => {
    const place = { compressedOffset, compressedSize }
    compressedOffset += compressedSize
    const uncompressed = { uncompressedOffset: index * CHUNK, uncompressedSize: CHUNK }
    return { ...place, ...uncompressed, compressed: true, encrypted: false, ...of(index) }
  })
  const table: ChunkTable = { v2: features !== 0, count: sizes.length, chunks, ...rest }
  const bytes = encodeChunkTable(table)
  const stored = { features, compressor: 'none', offset: 0, size: bytes.length } as const
  const header = decodeChunkTableHeader(encodeChunkTableHeader(table, stored), 'a blob')
  return decodeChunkTable(bytes, header, 'a blob')
}

const none = (): boolean => false
const shown = ({ offset, length, chunks }: ChunkFetch): string =>
  `${offset}+${length}: ${chunks.join(' ')}`
const plan = (table: ReadChunkTable, wanted: number[], ready: readonly number[] = []): string[] =>
  planTableFetches(table, wanted, (index) => ready.includes(index)).map(shown)

suite('what nydusd asks for of a v6 blob', () => {
  const even = tableOf(Array.from({ length: 8 }, () => 300_000))

  test('brings the chunks behind along, up to 1 MiB', () => {
    assert.deepEqual(plan(even, [2]), ['600000+900000: 2 3 4'])
    assert.deepEqual(plan(even, [7]), ['2100000+300000: 7'])
    assert.deepEqual(plan(tableOf([BATCH_SIZE, 5]), [0]), [`0+${BATCH_SIZE}: 0`])
    assert.deepEqual(plan(tableOf([BATCH_SIZE - 5, 5, 5]), [0]), [`0+${BATCH_SIZE}: 0 1`])
  })

  test('leaves out what is there behind the rest, not what is between', () => {
    assert.deepEqual(plan(even, [2], [4]), ['600000+600000: 2 3'])
    assert.deepEqual(plan(even, [2], [3]), ['600000+900000: 2 3 4'])
    assert.deepEqual(plan(even, [2], [2]), [])
    assert.deepEqual(plan(even, [2], [3, 4, 5]), ['600000+300000: 2'])
  })

  test('is one request for neighbours, one for each that lies elsewhere, none for what came along', () => {
    assert.deepEqual(plan(even, [0, 1]), ['0+900000: 0 1 2'])
    assert.deepEqual(plan(even, [0, 5]), ['0+900000: 0 1 2', '1500000+900000: 5 6 7'])
    assert.deepEqual(plan(even, [5, 0]), ['1500000+900000: 5 6 7', '0+900000: 0 1 2'])
    assert.deepEqual(plan(even, [0, 2]), ['0+900000: 0 1 2'])
    const small = tableOf([10, MAX_GAP, 10, MAX_GAP + 1, 10])
    assert.deepEqual(plan(small, [0, 2, 4], [0, 1, 3, 4]), [`${10 + MAX_GAP}+10: 2`])
  })

  test('is all of a batch', () => {
    const batches = [0, 0, 0, 1, 1, 2]
    const table = tableOf([0, 0, 0, 0, 0, 0], {
      features: BlobFeature.chunkInfoV2 | BlobFeature.batch,
      of: (i) => ({
        compressedOffset: batches[i]! * 600_000,
        uncompressedSize: 1000,
        batch: { batch: batches[i]!, offset: 0 },
      }),
      batches: batches
        .slice(0, 3)
        .map(() => ({ compressedSize: 600_000, uncompressedSize: CHUNK })),
    })
    assert.deepEqual(plan(table, [1]), ['0+600000: 0 1 2'])
    assert.deepEqual(plan(table, [5]), ['1200000+600000: 5'])
  })

  test('is all of a context, and nothing besides', () => {
    const context = { outOffset: 0, outLength: CHUNK, dictOffset: 0, dictLength: 0 }
    const table = tableOf([0, 0, 0], {
      features: BlobFeature.chunkInfoV2 | BlobFeature.zran,
      of: (i) => ({ uncompressedSize: 1000, zran: { context: i === 0 ? 0 : 1, offset: 0 } }),
      zran: {
        contexts: [0, 1].map((i) => ({
          ...context,
          inOffset: 100 + i * 5000,
          inLength: 5000,
          previousByte: 0,
          pendingBits: 0,
        })),
        dictionaries: new Uint8Array(),
      },
    })
    assert.deepEqual(plan(table, [0]), ['100+5000: 0'])
    assert.deepEqual(plan(table, [2]), ['5100+5000: 1 2'])
    assert.deepEqual(plan(table, [2], [2]), [])
  })

  test('whatever is wanted is there then, each request is a run of chunks, and none is asked for in vain', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700_000 }), { minLength: 1, maxLength: 40 })
    const some = fc.uniqueArray(fc.nat({ max: 39 }))
    fc.assert(
      fc.property(sizes, some, some, (stored, wantedAny, readyAny) => {
        const inside = (index: number): boolean => index < stored.length
        const [wanted, ready] = [wantedAny.filter(inside), new Set(readyAny.filter(inside))]
        const table = tableOf(stored)
        const there = new Set(ready)
        for (const { offset, length, chunks } of planTableFetches(table, wanted, (i) =>
          ready.has(i),
        )) {
          const [first, last] = [table.chunks.at(chunks[0]!)!, table.chunks.at(chunks.at(-1)!)!]
          assert.equal(offset, first.compressedOffset)
          assert.equal(offset + length, last.compressedOffset + last.compressedSize)
          assert.deepEqual(
            chunks,
            chunks.map((_, i) => chunks[0]! + i),
          )
          assert(!ready.has(chunks[0]!) && !ready.has(chunks.at(-1)!))
          assert(wanted.some((index) => chunks.includes(index) && !there.has(index)))
          for (const index of chunks) there.add(index)
        }
        assert(wanted.every((index) => there.has(index)))
      }),
    )
  })
})

suite('what nydusd asks for of a v5 blob', () => {
  const chunk = (index: number, compressedOffset: number, compressedSize = 1000): Chunk => ({
    index,
    compressedOffset,
    compressedSize,
    blobIndex: 0,
    flags: 0,
    crc32: 0,
    digest: new Uint8Array(32),
    uncompressedOffset: 0,
    uncompressedSize: 4096,
  })
  const of = (wanted: Chunk[], following: Chunk[], ready: number[] = []): string[] =>
    planRecordFetches(wanted, following, ({ index }) => ready.includes(index)).map(shown)

  test('brings along what lies right behind', () => {
    const rest = [
      chunk(1, 1000),
      chunk(7, 90_000),
      chunk(2, 2000),
      chunk(9, 0),
      chunk(3, 3000 + MAX_GAP),
    ]
    assert.deepEqual(of([chunk(0, 0)], rest), [`0+${4000 + MAX_GAP}: 0 1 2 3`])
    assert.deepEqual(of([chunk(0, 0)], [chunk(1, 1001 + MAX_GAP)]), ['0+1000: 0'])
  })

  test('up to one that is there, or 1 MiB', () => {
    const rest = [chunk(1, 1000), chunk(2, 2000), chunk(3, 3000)]
    assert.deepEqual(of([chunk(0, 0)], rest, [2]), ['0+2000: 0 1'])
    const large = [chunk(1, 1000, BATCH_SIZE), chunk(2, 1000 + BATCH_SIZE)]
    assert.deepEqual(of([chunk(0, 0)], large), [`0+${1000 + BATCH_SIZE}: 0 1`])
  })

  test('nothing where all is there, and only behind the last of a read', () => {
    assert.deepEqual(of([chunk(0, 0)], [chunk(1, 1000)], [0]), [])
    const read = [chunk(0, 50_000), chunk(1, 0)]
    assert.deepEqual(of(read, [chunk(2, 1000), chunk(3, 51_000)]), ['50000+1000: 0', '0+2000: 1 2'])
    assert.deepEqual(planRecordFetches([], [chunk(2, 1000)], none), [])
  })
})
