import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { BlobReader } from '../../formats/nydus-blob/blob-reader.ts'
import { BlobFeature, hasFeature } from '../../formats/nydus-blob/feature.ts'
import { listTree } from '../../formats/nydus-tree/listing.ts'
import { readRafsV6, type RafsV6Bootstrap } from '../../formats/rafs-v6/read.ts'
import { decodeContext } from '../../formats/zran/context-decoder.ts'
import { digestOf, hexOf } from '../../oci/digest.ts'
import { OCI_LAYER_GZIP } from '../../oci/media-type.ts'
import { bytesFrom, collect, type ByteSource } from '../../streams/byte-source.ts'
import { openDriverBench } from '../../testing/driver-suite.ts'
import { buildLayer, type BuiltLayer } from '../../testing/image-builder.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { nydus } from './index.ts'

/** Layers that are read where they are (`oci_ref`). */

const fixtures = join(import.meta.dirname, '../../../test/fixtures/nydus/zran')
const driver = nydus.configure({ oci_ref: 'true' })

const bench = openDriverBench()
after(() => bench[Symbol.asyncDispose]())

/** A blob with all that is in it. */
interface Opened {
  reader: BlobReader
  table: NonNullable<Awaited<ReturnType<BlobReader['chunkTable']>>>
  digests: Uint8Array
  bootstrap: RafsV6Bootstrap
}

async function openBlob(bytes: Uint8Array): Promise<Opened> {
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(bytes.subarray(offset, offset + length))
  const reader = await BlobReader.open({ size: bytes.length, read }, 'a blob')
  await reader.checkToc()
  return {
    reader,
    table: (await reader.chunkTable())!,
    digests: (await reader.digests())!,
    bootstrap: readRafsV6((await reader.bootstrap())!, { what: 'a bootstrap' }),
  }
}

/** A layer of bytes that are not made by us. */
function layerOf(bytes: Uint8Array, tar: Uint8Array): BuiltLayer {
  return {
    descriptor: { mediaType: OCI_LAYER_GZIP, digest: digestOf(bytes), size: bytes.length },
    diffId: digestOf(tar),
    open: (offset = 0): ByteSource => bytesFrom(bytes.subarray(offset)),
  }
}

test('golden: the blob of a layer has what nydus-image puts into it', async () => {
  const gzip = readFileSync(join(fixtures, 'two-members.tar.gz'))
  const { result, blob } = await bench.convert(driver, layerOf(gzip, gunzipSync(gzip)))
  assert.deepEqual(result.warnings, [])
  assert.deepEqual(result.descriptor.annotations, {
    'containerd.io/snapshot/nydus-blob': 'true',
    'containerd.io/snapshot/nydus-ref': digestOf(gzip),
  })
  const bytes = readFileSync(join(fixtures, 'two-members.nydus-blob'))
  assert.ok(blob.length <= bytes.length * 1.05, `${blob.length} bytes, nydus-image ${bytes.length}`)
  const [got, want] = [await openBlob(blob), await openBlob(bytes)]
  // Not the sizes of what is compressed with another zstd.
  const { ciCompressedSize: _, ...gotHeader } = got.table.header
  const { ciCompressedSize: __, ...wantHeader } = want.table.header
  assert.deepEqual(gotHeader, wantHeader)
  assert.deepEqual(got.table.chunks, want.table.chunks)
  assert.deepEqual(got.table.zran, want.table.zran)
  assert.deepEqual(got.digests, want.digests)
  assert.deepEqual(
    got.reader.toc!.map(({ name, compressor }) => [name, compressor]),
    want.reader.toc!.map(({ name, compressor }) => [name, compressor]),
  )
  const entryOf = ({ bootstrap }: Opened): unknown => {
    const { ciCompressedSize: ___, ...entry } = bootstrap.blobs[0]!
    return entry
  }
  assert.deepEqual(entryOf(got), entryOf(want))
  assert.deepEqual(got.bootstrap.extended.flagsLow, want.bootstrap.extended.flagsLow)
  assert.deepEqual(listTree(got.bootstrap.tree), listTree(want.bootstrap.tree))
})

const sample = testTar()
  .directory('d/')
  .file('d/one', Buffer.alloc(5000, 'x'))
  .file('d/same', Buffer.alloc(5000, 'x'))
  .file('d/large', Buffer.alloc(1024 * 1024 + 7, 'yz'))
  .bytes()

test('a plain tar: chunks are where they are in it', async () => {
  const layer = buildLayer(sample, { compression: 'none' })
  const { result, blob } = await bench.convert(driver, layer)
  assert.equal(
    result.descriptor.annotations?.['containerd.io/snapshot/nydus-ref'],
    layer.descriptor.digest,
  )
  const { table, bootstrap } = await openBlob(blob)
  assert.deepEqual(
    [...table.chunks].map(({ compressed, compressedOffset, compressedSize, uncompressedSize }) => [
      compressed,
      compressedOffset,
      compressedSize === uncompressedSize,
      uncompressedSize,
    ]),
    [
      [false, 1024, true, 5000],
      [false, 12_288, true, 1024 * 1024],
      [false, 12_288 + 1024 * 1024, true, 7],
    ],
  )
  const [entry] = bootstrap.blobs
  assert.equal(entry!.blobId, hexOf(layer.descriptor.digest))
  assert.equal(entry!.compressedSize, sample.length)
  assert.ok(!hasFeature(entry!.features, BlobFeature.zran))
  assert.ok(hasFeature(entry!.features, BlobFeature.separate | BlobFeature.chunkInfoV2))
})

test('chunks that are equal to earlier ones leave no more contexts than chunks', async () => {
  const words = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => 97 + ((i * i) % 23)))
  const tar = testTar()
    .file('zeros', Buffer.alloc(20 * 1024 * 1024))
    .file('words', words)
    .bytes()
  const layer = buildLayer(tar)
  const { blob } = await bench.convert(driver, layer)
  const { table, digests } = await openBlob(blob)
  const { contexts } = table.zran!
  assert.deepEqual([table.chunks.length, contexts.length], [4, 3])
  const bytes = await collect(layer.open(), 1e9, () => new Error('too large'))
  for (const [index, { zran, uncompressedSize }] of table.chunks.entries()) {
    const { context, offset } = zran!
    const { inOffset, inLength } = contexts[context]!
    const part = bytes.subarray(inOffset, inOffset + inLength)
    const output = decodeContext(table.zran!, context, part, 'a layer')
    const digest = hash('sha256', output.subarray(offset, offset + uncompressedSize), 'buffer')
    assert.deepEqual(digest, Buffer.from(digests.subarray(index * 32, index * 32 + 32)))
  }
})

test('a layer without content has no tables', async () => {
  const layer = buildLayer(testTar().directory('a/').file('a/empty').bytes())
  const { blob } = await bench.convert(driver, layer)
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(blob.subarray(offset, offset + length))
  const reader = await BlobReader.open({ size: blob.length, read }, 'a blob')
  assert.deepEqual(
    reader.sections.map(({ name }) => name),
    ['image.boot', 'rafs.blob.toc'],
  )
})

const native: Record<string, [BuiltLayer, RegExp]> = {
  'compressed with zstd': [buildLayer(sample, { compression: 'zstd' }), /compressed with zstd/],
  'with a sparse file': [
    buildLayer(
      testTar()
        .file('a', 'data', {
          pax: { 'GNU.sparse.map': '0,4', 'GNU.sparse.size': '9000', 'GNU.sparse.numblocks': '1' },
        })
        .bytes(),
    ),
    /"a" is a sparse file/,
  ],
  'that ends with the content of a file': [
    buildLayer(testTar().file('a', Buffer.alloc(512, 'a')).bytes({ end: false })),
    /ends with a chunk/,
  ],
}

for (const [name, [layer, warning]] of Object.entries(native)) {
  test(`a layer ${name} gets an ordinary Nydus blob, and that is said`, async () => {
    const { result, blob } = await bench.convert(driver, layer)
    assert.match(result.warnings[0]!, /^it gets a Nydus blob: /)
    assert.match(result.warnings[0]!, warning)
    const ordinary = await bench.convert(nydus.configure({}), layer)
    assert.deepEqual(result.descriptor, ordinary.result.descriptor)
    assert.ok(blob.equals(ordinary.blob))
  })
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Buffer.from(bytes)
  copy[(at + copy.length) % copy.length]! ^= 1
  return copy
}

const gzip = gzipSync(sample)
const damaged: Record<string, [Uint8Array, string, RegExp]> = {
  'cut off': [gzip.subarray(0, -9), 'FORMAT_TRUNCATED', /the gzip ends/],
  'with a wrong CRC': [changed(gzip, -8), 'FORMAT_INVALID', /incorrect data check/],
  'with a wrong size': [changed(gzip, -1), 'FORMAT_INVALID', /incorrect length check/],
  'with garbage behind': [Buffer.concat([gzip, Buffer.from('??')]), 'FORMAT_INVALID', /./],
}

for (const [name, [bytes, code, text]] of Object.entries(damaged)) {
  test(`a gzip ${name} is an error that names the layer`, async () => {
    await assert.rejects(bench.convert(driver, layerOf(bytes, sample)), (error: Error) => {
      assert.equal((error as { code?: string }).code, code)
      assert.match(error.message, /^a layer: /)
      assert.match(error.message, text)
      return true
    })
  })
}

test('options that contradict it are refused by their key, the version is said to be another', () => {
  const refused: [Record<string, string>, RegExp][] = [
    [{ fs_chunk_size: '0x200000' }, /fs_chunk_size .*1 MiB/],
    [{ chunk_dict_ref: 'registry.example/dict:1' }, /chunk_dict_ref/],
    [{ backend_type: 'localfs', backend_config: '{"dir":"/blobs"}' }, /backend_type/],
  ]
  for (const [config, text] of refused) {
    assert.throws(() => nydus.configure({ oci_ref: 'true', ...config }), text)
  }
  const forced = nydus.configure({ oci_ref: 'true', fs_version: '5' })
  assert.deepEqual(forced.notes, ['forcibly using fs version 6 when oci_ref option enabled'])
  assert.equal(forced.docker2oci, true)
  assert.equal(forced.layers.key, driver.layers.key)
})
