import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { isAccelError } from '../../errors/accel-error.ts'
import { seeded } from '../../testing/random-file-tree.ts'
import { ChunkStore } from '../nydus-tree/chunk-store.ts'
import { BlobReader, readChunkTable, type BlobSource } from './blob-reader.ts'
import { BlobWriter } from './blob-writer.ts'
import { openPieceCompressor } from './chunk-codec.ts'
import { digestFunction } from './chunk-digest.ts'
import type { ChunkInfo } from './chunk-info.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { storeChunk } from '../../testing/store-chunk.ts'
import { NATIVE_LAYER_FEATURES } from './feature.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures/nydus/blobs')
const golden22 = readFileSync(
  join(fixtures, 'be7d77eeb719f70884758d1aa800ed0fb09d701aaec469964e9d54325f0d5fef'),
)
const goldenLayer = readFileSync(
  join(fixtures, '2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca'),
)

function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.length,
    read: async (offset, length) => {
      assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length, 'reads stay inside')
      return bytes.subarray(offset, offset + length)
    },
  }
}

const digestsOf = (bytes: Uint8Array): string[] =>
  Array.from({ length: bytes.length / 32 }, (_, i) =>
    Buffer.from(bytes.subarray(i * 32, i * 32 + 32)).toString('hex'),
  )

test('the blob of nydus 2.2 is read whole: sections, ToC digests, chunk table, every chunk', async () => {
  const blob = await BlobReader.open(sourceOf(golden22), 'golden')
  assert.deepEqual(
    blob.sections.map((s) => [s.name, s.offset, s.size]),
    [
      ['image.blob', 0, 7802],
      ['blob.meta', 8314, 4128],
      ['blob.digest', 12954, 64],
      ['rafs.blob.toc', 13530, 512],
    ],
  )
  await blob.checkToc()
  const table = await blob.chunkTable({ compressedSize: 7802, uncompressedSize: 36864 })
  assert.ok(table !== undefined)
  assert.deepEqual(
    [...table.chunks].map((c) => [
      c.compressedOffset,
      c.compressedSize,
      c.uncompressedOffset,
      c.uncompressedSize,
    ]),
    [
      [0, 4828, 0, 16931],
      [4828, 2974, 20480, 13400],
    ],
  )
  const digests = digestsOf((await blob.digests()) ?? new Uint8Array())
  for (const [i, chunk] of table.chunks.entries()) {
    const bytes = await blob.chunk(chunk, 'zstd')
    assert.equal(Buffer.from(digestFunction('blake3')(bytes)).toString('hex'), digests[i])
  }
  assert.equal(await blob.bootstrap(), undefined)
})

test('a chunk table is read at once where a bootstrap says, and nowhere else', async () => {
  const blob = await BlobReader.open(sourceOf(golden22), 'golden')
  const { header: _, ...expected } = (await blob.chunkTable())!
  let reads = 0
  const source: BlobSource = {
    size: golden22.length,
    read: (offset, length) => {
      reads++
      return sourceOf(golden22).read(offset, length)
    },
  }
  assert.deepEqual(await readChunkTable(source, { offset: 8314, size: 32 }, 'golden'), expected)
  assert.equal(reads, 1)
  for (const place of [
    { offset: 8315, size: 32 },
    { offset: 8314, size: 31 },
    { offset: 13000, size: 32 },
    { offset: 0, size: 2 ** 40 },
  ]) {
    const reading = readChunkTable(source, place, 'golden')
    await assert.rejects(reading, { code: 'FORMAT_INVALID' })
  }
})

test('the layer blob with its bootstrap inside is read whole', async () => {
  const blob = await BlobReader.open(sourceOf(goldenLayer), 'golden')
  assert.deepEqual(
    blob.sections.map((s) => s.name),
    ['image.blob', 'blob.meta', 'image.boot', 'rafs.blob.toc'],
  )
  await blob.checkToc()
  assert.equal((await blob.bootstrap())?.length, 20480)
  assert.equal((await blob.chunkTable())?.count, 3)
})

/** A blob of the given chunks as a layer has it, and what its bootstrap would say of it. */
async function makeBlob(
  pieces: readonly Uint8Array[],
  compressor: 'zstd' | 'none' | 'lz4_block',
  bootstrap: Uint8Array,
): Promise<{
  bytes: Buffer
  chunks: ChunkStore
  ids: number[]
  digest: string
  tocDigest: Buffer
}> {
  const chunks = new ChunkStore()
  const codec = openPieceCompressor(compressor)
  const digest = digestFunction('blake3')
  const packer = new ChunkWriter({
    chunks,
    blobIndex: 0,
    digest,
    alignment: 4096,
    what: 'test',
  })
  const writer = new BlobWriter()
  const out: Uint8Array[] = []
  const ids = pieces.map((piece) => {
    const { id, stored } = storeChunk(packer, codec, piece)
    if (stored !== undefined) {
      writer.data(stored)
      out.push(new Uint8Array(stored))
    }
    return id
  })
  if (packer.count > 0) {
    out.push(writer.endData(packer.uncompressedSize))
    const table = { v2: false, count: packer.count, chunks: packer.chunkInfos() }
    const features = NATIVE_LAYER_FEATURES
    out.push(...writer.chunkTable(table, packer.digests(), { features, compressor: codec }).pieces)
  }
  const stored = zstdCompressSync(bootstrap)
  writer.bootstrap(stored.subarray(0, 5))
  writer.bootstrap(stored.subarray(5))
  const uncompressedDigest = hash('sha256', bootstrap, 'buffer')
  const { length: uncompressedSize } = bootstrap
  out.push(
    stored,
    writer.endBootstrap({
      compressor: 'zstd',
      size: stored.length,
      uncompressedSize,
      uncompressedDigest,
    }),
  )
  const toc = writer.toc()
  out.push(toc.bytes)
  codec.close()
  const bytes = Buffer.concat(out)
  assert.equal(bytes.length, writer.position)
  return {
    bytes,
    chunks,
    ids,
    digest: Buffer.from(writer.digest()).toString('hex'),
    tocDigest: Buffer.from(toc.digest),
  }
}

test('what is written is read again, with every codec, and the digest is that of the file', async () => {
  const random = seeded(8)
  const noise = Uint8Array.from({ length: 5000 }, () => random(256))
  const text = Buffer.from('lazily pulled '.repeat(900))
  const pieces = [
    text,
    noise,
    Buffer.from('x'),
    text,
    noise.subarray(0, 4096),
    new Uint8Array(1_048_576),
  ]
  const bootstrap = new Uint8Array(8192).fill(3)
  for (const compressor of ['zstd', 'none', 'lz4_block'] as const) {
    const made = await makeBlob(pieces, compressor, bootstrap)
    assert.equal(made.digest, hash('sha256', made.bytes))
    assert.deepEqual(made.ids, [0, 1, 2, 0, 3, 4])
    const blob = await BlobReader.open(sourceOf(made.bytes), 'test')
    await blob.checkToc()
    assert.deepEqual(Buffer.from((await blob.bootstrap()) ?? []), Buffer.from(bootstrap))
    const data = blob.section('image.blob')
    const uncompressedSize = 16384 + 8192 + 4096 + 4096 + 1_048_576
    const table = await blob.chunkTable({ compressedSize: data?.size ?? 0, uncompressedSize })
    assert.equal(table?.count, 5)
    for (const [i, id] of made.ids.entries()) {
      const info: ChunkInfo | undefined = table.chunks.at(id)
      assert.ok(info !== undefined)
      assert.deepEqual(
        Buffer.from(await blob.chunk(info, compressor)),
        Buffer.from(pieces[i] ?? []),
      )
    }
    assert.deepEqual(
      digestsOf((await blob.digests()) ?? new Uint8Array()),
      Array.from({ length: 5 }, (_, id) => Buffer.from(made.chunks.digestOf(id)).toString('hex')),
    )
    // Only what got smaller is compressed: noise and single bytes are stored.
    assert.deepEqual(
      [...table.chunks].map((c) => c.compressed),
      compressor === 'none'
        ? [false, false, false, false, false]
        : [true, false, false, false, true],
    )
  }
})

test('a layer without chunks is its bootstrap and a ToC of one entry', async () => {
  const made = await makeBlob([], 'zstd', new Uint8Array(8192))
  const blob = await BlobReader.open(sourceOf(made.bytes), 'test')
  assert.deepEqual(
    blob.sections.map((s) => s.name),
    ['image.boot', 'rafs.blob.toc'],
  )
  assert.deepEqual(
    blob.toc?.map((t) => t.name),
    ['image.boot'],
  )
  await blob.checkToc()
})

test('the digest of the ToC is the one that nydusd computes: entries and tar header', async () => {
  const { bytes, tocDigest } = await makeBlob([Buffer.from('a')], 'none', new Uint8Array(8192))
  const blob = await BlobReader.open(sourceOf(bytes), 'test')
  const section = blob.section('rafs.blob.toc')
  assert.equal(tocDigest.toString('hex'), hash('sha256', bytes.subarray(section?.offset)))
  // The same of nydus 2.2, stated in the blob table of rafs-v6-2.2.boot.
  assert.match(hash('sha256', golden22.subarray(13530)), /^cfc89ed0/)
})

test('sections come in one order', () => {
  const writer = new BlobWriter()
  assert.throws(() => writer.endData(0), /no data section/)
  assert.throws(() => writer.toc(), /data comes next/)
  writer.data(Buffer.from('x'))
  assert.throws(() => writer.bootstrap(Buffer.from('x')), /data comes next/)
})

test('damaged blobs are refused and reads stay inside', async () => {
  const { bytes } = await makeBlob(
    [Buffer.from('abc'.repeat(400)), Buffer.from('def')],
    'zstd',
    new Uint8Array(8192),
  )
  const random = seeded(2)
  let refused = 0
  for (let i = 0; i < 600; i++) {
    const damaged = Buffer.from(bytes)
    damaged[random(bytes.length)] = random(256)
    const cut = i % 10 === 0 ? damaged.subarray(0, random(damaged.length)) : damaged
    try {
      const blob = await BlobReader.open(sourceOf(cut), 'blob 1')
      await blob.checkToc()
      const table = await blob.chunkTable()
      for (const chunk of table?.chunks ?? []) {
        if (chunk.compressedOffset + chunk.compressedSize <= cut.length)
          await blob.chunk(chunk, 'zstd')
      }
    } catch (error) {
      assert.ok(
        isAccelError(error) && error.code.startsWith('FORMAT_'),
        String((error as Error).stack),
      )
      refused++
    }
  }
  assert.ok(refused > 250, `${refused} refused`)
})
