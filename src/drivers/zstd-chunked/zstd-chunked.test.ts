import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { digestOf } from '../../oci/digest.ts'
import { openZstdChunked, type ZstdChunked } from '../../formats/zstd-chunked/read.ts'
import { rebuildTar } from '../../formats/zstd-chunked/rebuild.ts'
import { ZstdDecompressStream } from '../../formats/zstd/decompress.ts'
import { bytesFrom } from '../../streams/byte-source.ts'
import {
  driverSuite,
  openDriverBench,
  type Converted,
  type DriverBench,
} from '../../testing/driver-suite.ts'
import { buildLayer } from '../../testing/image-builder.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { estargz } from '../estargz/index.ts'
import { zstdChunked } from './index.ts'

for (const dialect of ['both', 'containers']) {
  driverSuite(`zstdchunked, ${dialect}`, zstdChunked.configure({ dialect }))
}
driverSuite('zstdchunked, rolling', zstdChunked.configure({ chunk_size: 'rolling' }))
driverSuite('estargz as zstdchunked', estargz.configure({ compression: 'zstdchunked' }))

const folder = new URL('../../../test/fixtures/zstd-chunked/', import.meta.url)
const STARGZ_KEY = 'containerd.io/snapshot/stargz/toc.digest'
const CONTAINERS_KEY = 'io.github.containers.zstd-chunked.manifest-checksum'

function openBlob(blob: Uint8Array, annotations: Record<string, string>): Promise<ZstdChunked> {
  const readAt = async (offset: number, length: number): Promise<Uint8Array> =>
    blob.subarray(offset, offset + length)
  return openZstdChunked(readAt, { what: 'a layer', size: blob.length, annotations })
}

/** Opens a blob by what both of its manifests say of it. */
function open({ result, blob }: Converted): Promise<ZstdChunked> {
  return openBlob(blob, {
    ...result.variants?.[0]?.annotations,
    ...result.descriptor.annotations,
  })
}

async function rebuilt(layer: ZstdChunked): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of rebuildTar(layer, 'a layer')) hash.update(bytes)
  return `sha256:${hash.digest('hex')}`
}

/** The digest of what an ordinary reader gets, who knows of zstd alone. */
function decompressed(blob: Uint8Array): string {
  const hash = createHash('sha256')
  const decoder = new ZstdDecompressStream({ what: 'a layer' })
  decoder.push(blob)
  decoder.end()
  for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) hash.update(bytes)
  decoder.close()
  return `sha256:${hash.digest('hex')}`
}

async function readAll(layer: ZstdChunked): Promise<void> {
  for (const file of layer.toc.entries.filter((entry) => entry.type === 'reg')) {
    let size = 0
    for await (const bytes of layer.readFile(file)) size += bytes.length
    assert.equal(size, file.size ?? 0)
  }
}

suite('zstd:chunked layers', () => {
  let bench: DriverBench
  before(() => {
    bench = openDriverBench()
  })
  after(() => bench[Symbol.asyncDispose]())
  const input = gunzipSync(readFileSync(new URL('input-nodup.tar.gz', folder)))

  test('for both: the rows of the reference; annotations apart; tar and diffID kept', async () => {
    const made = await bench.convert(zstdChunked.configure({}), buildLayer(input))
    const { descriptor, variants, diffId } = made.result
    assert.equal(descriptor.mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd')
    const [containers] = variants!
    assert.deepEqual(
      [containers!.digest, containers!.size, containers!.mediaType],
      [descriptor.digest, descriptor.size, descriptor.mediaType],
    )
    assert(STARGZ_KEY in descriptor.annotations! && !(CONTAINERS_KEY in descriptor.annotations))
    assert(CONTAINERS_KEY in containers!.annotations! && !(STARGZ_KEY in containers!.annotations))
    const layer = await open(made)
    await readAll(layer)
    assert.equal(await rebuilt(layer), diffId)
    assert.equal(decompressed(made.blob), diffId)
    const theirs = await openBlob(readFileSync(new URL('union-full.zst', folder)), {})
    // Every chunk of several says its size here, in the reference all but the last.
    const rows = ({ toc }: ZstdChunked) =>
      toc.entries
        .filter(({ name }) => name !== '.no.prefetch.landmark')
        .map(
          ({ offset: _offset, chunkSize: _size, userName: _user, groupName: _group, ...row }) =>
            row,
        )
    assert.deepEqual(rows(layer), rows(theirs))
  })

  test('a layer that the rules leave alone keeps its diffID, whatever ends it', async () => {
    const tar = testTar().directory('a/').file('a/b', 'content', { mtime: 1.25 }).bytes()
    const plain = tar.subarray(0, tar.length - 1024)
    for (const zeros of [0, 512, 1024, 9216, 70_000]) {
      const source = Buffer.concat([plain, new Uint8Array(zeros - (zeros % 512))])
      for (const dialect of ['both', 'containers']) {
        const made = await bench.convert(zstdChunked.configure({ dialect }), buildLayer(source))
        assert.equal(made.result.diffId, digestOf(source))
        assert.equal(await rebuilt(await open(made)), digestOf(source))
      }
    }
  })

  test('an empty layer has a landmark for stargz, which takes none without any entry', async () => {
    const empty = buildLayer(testTar().bytes())
    const made = await bench.convert(zstdChunked.configure({}), empty)
    const layer = await open(made)
    assert.deepEqual(
      layer.toc.entries.map(({ name }) => name),
      ['.no.prefetch.landmark'],
    )
    assert.equal(await rebuilt(layer), made.result.diffId)
    const { result } = await bench.convert(zstdChunked.configure({ dialect: 'containers' }), empty)
    assert.equal(result.diffId, empty.diffId)
  })

  test('of a path that comes twice podman is told nothing, and stargz sees the last', async () => {
    const tar = testTar().file('a', 'first').file('b', 'other').file('a', 'second').bytes()
    const made = await bench.convert(zstdChunked.configure({}), buildLayer(tar))
    const [containers] = made.result.variants!
    assert(!(CONTAINERS_KEY in containers!.annotations!))
    const layer = await open(made)
    assert.equal(layer.tarSplit, undefined)
    assert.equal(layer.entry('a')?.size, 6)
    await readAll(layer)
  })

  test('a source that says it is of another format: the annotations of neither are kept', async () => {
    const layer = buildLayer(testTar().file('a', 'first').bytes())
    const descriptor = {
      ...layer.descriptor,
      annotations: { [STARGZ_KEY]: 'x', [CONTAINERS_KEY]: 'y', other: 'z' },
    }
    const { result } = await bench.convert(zstdChunked.configure({}), layer, { descriptor })
    assert.deepEqual(Object.keys(result.descriptor.annotations!).sort(), [
      'containerd.io/snapshot/stargz/toc.digest',
      'io.containers.estargz.uncompressed-size',
      'io.containers.zstd-chunked.manifest-checksum',
      'io.containers.zstd-chunked.manifest-position',
      'other',
    ])
    assert(!(STARGZ_KEY in result.variants![0]!.annotations!))
  })

  test('headers that say more than the entry are written anew', async () => {
    const tar = Buffer.from(testTar().file('a', 'content').bytes())
    tar.write('target', 157)
    let sum = 0
    tar.fill(0x20, 148, 156)
    for (const byte of tar.subarray(0, 512)) sum += byte
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    const made = await bench.convert(zstdChunked.configure({}), buildLayer(tar))
    assert.notEqual(made.result.diffId, digestOf(tar))
    assert.equal(await rebuilt(await open(made)), made.result.diffId)
  })

  test('any tar, cut anywhere: the same blob, every chunk readable, the tar made again', async () => {
    const file = fc.record({
      name: fc.stringMatching(/^[a-z]{1,8}(\/[a-zé]{1,8}){0,3}$/),
      content: fc.oneof(
        fc.uint8Array({ maxLength: 20_000 }),
        fc.nat(5000).map((zeros) => Buffer.alloc(2 * zeros + 1).fill('x', zeros, zeros + 1)),
      ),
      mtime: fc.double({ min: 0, max: 2e9, noNaN: true }),
      xattr: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
    })
    const drivers = ['4KiB', 'rolling'].map((size) => zstdChunked.configure({ chunk_size: size }))
    const inputs = [
      fc.constantFrom(...drivers),
      fc.array(file, { maxLength: 8 }),
      fc.nat(3000),
    ] as const
    await fc.assert(
      fc.asyncProperty(...inputs, async (driver, files, cut) => {
        const tar = testTar()
        for (const { name, content, mtime, xattr } of files) {
          const xattrs = xattr === undefined ? {} : { xattrs: { 'user.x': Buffer.from(xattr) } }
          tar.file(name, content, { mtime: Math.round(mtime * 1e3) / 1e3, ...xattrs })
        }
        const source = buildLayer(tar.bytes(), { compression: 'none' })
        const made = await bench.convert(driver, source)
        if (made.result.kept !== undefined) return
        const bytes = tar.bytes()
        const cuts = [bytes.subarray(0, cut), bytes.subarray(cut)].filter(
          ({ length }) => length > 0,
        )
        const again = await bench.convert(driver, source, { open: () => bytesFrom(...cuts) })
        assert(again.blob.equals(made.blob))
        const layer = await open(made)
        await readAll(layer)
        if (layer.tarSplit !== undefined) assert.equal(await rebuilt(layer), made.result.diffId)
      }),
      { numRuns: 60 },
    )
  })

  test('rolling: podman is told the kinds of chunks, stargz reads them, and smaller ones are not cut', async () => {
    const zeros = Buffer.alloc(50_000)
    const noise = Buffer.from(
      Array.from({ length: 300_000 }, (_, i) => ((i * i * 31) >> (i % 7)) | 1),
    )
    const tar = testTar()
      .file('sparse', Buffer.concat([noise, zeros, noise]))
      .file('zeros', zeros)
      .bytes()
    const driver = zstdChunked.configure({ chunk_size: 'rolling', min_chunk_size: '2048' })
    const made = await bench.convert(driver, buildLayer(tar))
    const layer = await open(made)
    await readAll(layer)
    assert.equal(await rebuilt(layer), made.result.diffId)
    const rows = layer.toc.entries.filter(({ name }) => name === 'sparse')
    assert.deepEqual(
      rows.filter(({ chunkType }) => chunkType === 'zeros').map(({ chunkSize }) => chunkSize),
      [zeros.length],
    )
    assert.equal(
      rows.reduce((sum, { chunkSize }) => sum + chunkSize!, 0),
      2 * noise.length + zeros.length,
    )
    // One chunk alone has no size and no kind, as in the reference.
    assert.deepEqual(
      layer.toc.entries.filter(({ name }) => name === 'zeros').map(({ chunkType }) => chunkType),
      [undefined],
    )
  })

  test('plain: the same tar in frames, however it comes, and no annotations', async () => {
    const driver = zstdChunked.configure({ dialect: 'plain' })
    const source = buildLayer(input)
    const { result, blob } = await bench.convert(driver, source)
    assert.equal(result.diffId, digestOf(input))
    assert.equal(decompressed(blob), digestOf(input))
    assert.equal(result.descriptor.mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd')
    assert.equal(result.descriptor.digest, digestOf(blob))
    assert.equal(result.descriptor.annotations, undefined)
    const plain = buildLayer(input, { compression: 'none' })
    assert((await bench.convert(driver, plain)).blob.equals(blob))
    const cut = [input.subarray(0, 5_000_001), input.subarray(5_000_001)]
    const again = await bench.convert(driver, plain, { open: () => bytesFrom(...cut) })
    assert(again.blob.equals(blob))
    const diffId = digestOf('another')
    await assert.rejects(bench.convert(driver, source, { diffId }), {
      code: 'IMAGE_DIFF_ID_MISMATCH',
    })
  })

  test('what cannot be is refused', () => {
    for (const config of [
      { dialect: 'podman' },
      { min_chunk_size: '4096' },
      { chunk_size: '8MiB' },
      { chunk_size: 'Rolling' },
      { chunk_size: 'rolling', min_chunk_size: '511' },
      { chunk_size: 'rolling', min_chunk_size: '1MiB' },
      { dialect: 'plain', chunk_size: 'rolling' },
      { compression_level: '23' },
      { compression: 'zstdchunked' },
      { dialect: 'plain', chunk_size: '1MiB' },
    ] as Record<string, string>[]) {
      assert.throws(() => zstdChunked.configure(config), { code: 'DRIVER_OPTION_INVALID' })
    }
    zstdChunked.configure({ dialect: 'stargz', min_chunk_size: '4096' })
  })
})
