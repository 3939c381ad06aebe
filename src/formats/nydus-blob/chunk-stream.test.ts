import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inlineHost } from '../../testing/inline-host.ts'
import { ChunkStore } from '../nydus-tree/chunk-store.ts'
import type { ChunkInfo } from './chunk-info.ts'
import { decompressPiece } from './chunk-codec.ts'
import { digestFunction } from './chunk-digest.ts'
import { ChunkStream } from './chunk-stream.ts'
import { chunkSlabSize } from './slab-size.ts'
import { ChunkWriter, type ChunkDictionary } from './chunk-writer.ts'
import type { PieceCodec } from './compress-pieces.ts'
import { ChunkFlag } from './feature.ts'

const CHUNK = 0x1000

interface Made {
  data: Buffer
  chunks: ChunkStore
  writer: ChunkWriter
  /** Ids of each file's chunks. */
  files: number[][]
}

/** Streams files, cut into pieces of `piece` bytes. */
async function stream(
  files: readonly Uint8Array[],
  init: {
    codec?: PieceCodec['compressor']
    batchSize?: number
    piece?: number
    dictionary?: ChunkDictionary
  } = {},
): Promise<Made> {
  const { codec = 'zstd', batchSize = 0, piece = 1000, dictionary } = init
  const chunks = new ChunkStore()
  const writer = new ChunkWriter({
    chunks,
    blobIndex: 0,
    digest: digestFunction('blake3'),
    alignment: 4096,
    what: 'test',
    ...(dictionary === undefined ? {} : { dictionary }),
  })
  const written: Buffer[] = []
  const host = inlineHost(chunkSlabSize({ chunkSize: CHUNK, batchSize }).input)
  const made = new ChunkStream(host, {
    writer,
    codec: { compressor: codec, level: 3 },
    batchSize,
    write: (bytes) => void written.push(Buffer.from(bytes)),
  })
  const ids: number[][] = []
  for (const file of files) {
    const own: number[] = []
    for (let at = 0; at < file.length; at += CHUNK) {
      const chunk = file.subarray(at, at + CHUNK)
      await made.begin(chunk.length, chunk.length === file.length)
      for (let i = 0; i < chunk.length; i += piece) made.append(chunk.subarray(i, i + piece))
      own.push(made.end())
    }
    ids.push(own)
  }
  await made.finish()
  assert.equal(host.taken, 0)
  return { data: Buffer.concat(written), chunks, writer, files: ids }
}

/** The bytes of a chunk, found as readers find them. */
function bytesOf({ data, writer }: Made, info: ChunkInfo, codec: PieceCodec['compressor']): Buffer {
  const { compressedOffset: at, uncompressedSize, batch } = info
  if (batch === undefined) {
    const stored = data.subarray(at, at + info.compressedSize)
    const bytes = decompressPiece(
      stored,
      info.compressed ? codec : 'none',
      uncompressedSize,
      'test',
    )
    return Buffer.from(bytes)
  }
  const { compressedSize, uncompressedSize: whole } = writer.batches[batch.batch]!
  const stored = data.subarray(at, at + compressedSize)
  const bytes = decompressPiece(stored, compressedSize < whole ? codec : 'none', whole, 'test')
  return Buffer.from(bytes.subarray(batch.offset, batch.offset + uncompressedSize))
}

const file = fc
  .tuple(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 0, max: 3 }), fc.boolean())
  .map(([size, seed, noise]) =>
    Uint8Array.from({ length: size }, (_, i) => (noise ? (i * i * 31 + i * seed) >> 3 : seed)),
  )

test('whatever the files: all chunks are found again, equal ones are one, offsets have no gaps', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(file, { maxLength: 12 }),
      fc.constantFrom('none' as const, 'lz4_block' as const, 'zstd' as const),
      fc.constantFrom(0, 0x1000),
      fc.integer({ min: 1, max: 5000 }),
      async (files, codec, batchSize, piece) => {
        const made = await stream(files, { codec, batchSize, piece })
        const infos = [...made.writer.chunkInfos()]
        for (const [i, ids] of made.files.entries()) {
          const parts = ids.map((id) => bytesOf(made, infos[made.chunks.indexOf(id)]!, codec))
          assert.ok(Buffer.concat(parts).equals(files[i]!))
        }
        let next = 0
        for (const info of infos) {
          assert.equal(info.uncompressedOffset, next)
          next = Math.ceil((next + info.uncompressedSize) / 4096) * 4096
        }
        assert.equal(made.writer.uncompressedSize, next)
        assert.equal(made.writer.dataSize, made.data.length)
        const digests = Buffer.from(made.writer.digests()).toString('hex').match(/.{64}/g) ?? []
        assert.equal(new Set(digests).size, infos.length)
        const again = await stream(files, { codec, batchSize, piece: 4096 })
        assert.ok(again.data.equals(made.data))
      },
    ),
    { numRuns: 60 },
  )
})

test('batches: files of less than half of one, as many as fit, and nothing in between', async () => {
  const text = (size: number, fill: string): Buffer => Buffer.alloc(size, fill)
  const sizes = [2047, 2048, 1000, 1000, 1000, 2000, 5000, 1]
  const made = await stream(
    sizes.map((size, i) => text(size, `${i}`)),
    { batchSize: 0x1000 },
  )
  const infos = [...made.writer.chunkInfos()]
  assert.deepEqual(
    infos.map(({ uncompressedSize, batch }) => [uncompressedSize, batch?.batch, batch?.offset]),
    [
      [2047, 0, 0],
      // Half of a batch and more stand alone.
      [2048, undefined, undefined],
      [1000, 1, 0],
      [1000, 1, 1000],
      [1000, 1, 2000],
      // 3000 + 2000 are more than a batch has.
      [2000, 2, 0],
      [4096, undefined, undefined],
      // The rest of a file of two chunks.
      [904, undefined, undefined],
      [1, 3, 0],
    ],
  )
  assert.deepEqual(
    made.writer.batches.map(({ uncompressedSize }) => uncompressedSize),
    [2047, 3000, 2000, 1],
  )
  for (const { batch, compressedSize, compressed } of infos) {
    if (batch !== undefined) assert.deepEqual([compressedSize, compressed], [0, true])
  }
})

test('chunks of a dictionary are referred to; size and digest must both be equal', async () => {
  const known = Buffer.alloc(3000, 'known')
  const theirs = await stream([known], {})
  const dictionary = { chunks: theirs.chunks, blobIndexOf: (blob: number) => blob + 7 }
  const made = await stream([known, Buffer.from('new'), known], { dictionary })
  assert.equal(made.writer.count, 1)
  const [first, , third] = made.files
  assert.deepEqual(first, third)
  const chunk = made.chunks.get(first![0]!)
  assert.equal(chunk.blobIndex, 7)
  assert.equal(chunk.compressedSize, theirs.chunks.get(0).compressedSize)
  assert.equal(chunk.flags & ChunkFlag.compressed, ChunkFlag.compressed)
})

test('what does not get smaller is stored as it is', async () => {
  const noise = Buffer.from(
    Array.from({ length: 600 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24),
  )
  const { data, writer } = await stream([noise])
  assert.ok(data.equals(noise))
  assert.equal([...writer.chunkInfos()][0]!.compressed, false)
})
