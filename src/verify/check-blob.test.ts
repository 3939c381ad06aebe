import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { driverNamed } from '../drivers/registry.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { openFile } from '../drivers/file-source.ts'
import { NYDUS_BLOB } from '../drivers/nydus/annotation.ts'
import { BlobReader } from '../formats/nydus-blob/blob-reader.ts'
import type { CheckedBlob } from '../formats/nydus-blob/checked-blob.ts'
import { buildLayer } from '../testing/image-builder.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { createThreadPool, type ThreadPool } from '../threads/pool.ts'
import { checkBlob } from './check-blob.ts'
import { openChunkTables } from './nydus-chunks.ts'

/** Bytes that do not compress well, no piece of them twice. */
const noise = (size: number): Uint8Array =>
  Buffer.alloc(size).map((_, i) => Math.imul(i + size, 0x9e37_79b1) >>> 19)

const layer = buildLayer(
  testTar()
    .file('empty', '')
    .file('small', 'a few bytes')
    .file('plain', noise(3000))
    .file('text', 'the same words again and again\n'.repeat(300))
    .file('large', noise(3 * 4096 * 8 + 17))
    .file('huge', Buffer.concat([noise(2_500_000), Buffer.alloc(500_000)]))
    .bytes(),
)

/** The blob that the driver makes of the layer, as a file. */
async function convert(
  t: TestContext,
  threads: ThreadPool,
  options: Record<string, string>,
): Promise<{ path: string; result: LayerResult }> {
  const path = join(await temporaryDirectory(t), 'blob')
  const { layers } = driverNamed('nydus').configure(options)
  const result = await layers.convertLayer(
    {
      what: 'layer',
      descriptor: layer.descriptor,
      diffId: layer.diffId,
      open: () => layer.open(),
    },
    { threads, signal: t.signal, ingestPath: path, list: true, progress: () => {} },
  )
  return { path, result }
}

suite('reading back all chunks of a Nydus blob', () => {
  const forms: [string, Record<string, string>][] = [
    ['zstd', {}],
    ['lz4_block', { compressor: 'lz4_block' }],
    ['none', { compressor: 'none' }],
    ['small chunks', { fs_chunk_size: '0x1000' }],
    ['chunks larger than what is handed out at a time', { fs_chunk_size: '0x400000' }],
    ['batches', { batch_size: '0x10000' }],
  ]
  for (const [name, options] of forms) {
    test(`${name}: a good blob passes, one with a byte changed does not, whichever chunk it is in`, async (t) => {
      await using threads = createThreadPool({ batchThreads: 2, layerThreads: 1 })
      const { path, result } = await convert(t, threads, options)
      const check = (): Promise<CheckedBlob | undefined> =>
        checkBlob(
          { what: 'a blob', descriptor: result.descriptor, path },
          { threads, signal: t.signal },
        )
      const { digest } = result.descriptor
      const compressor = options['compressor'] ?? 'zstd'
      assert.deepEqual(await check(), { digest, check: 1, compressor, digester: 'blake3' })
      const whole = readFileSync(path)
      for (const at of await places(path)) {
        const damaged = Buffer.from(whole)
        damaged[at]! ^= 1
        writeFileSync(path, damaged)
        assert.equal(await check(), undefined, `byte ${at}`)
      }
      writeFileSync(path, whole.subarray(0, -1))
      assert.equal(await check(), undefined)
    })
  }

  test('what cannot be read without its image is left to who reads the image', async (t) => {
    await using threads = createThreadPool({ batchThreads: 1, layerThreads: 1 })
    const { path, result } = await convert(t, threads, { fs_version: '5' })
    const init = { threads, signal: t.signal }
    const v5 = { what: 'a blob', descriptor: result.descriptor, path }
    assert.equal(await checkBlob(v5, init), undefined)
    const ordinary = { what: 'a layer', descriptor: layer.descriptor, path }
    assert.equal(await checkBlob(ordinary, init), undefined)
    assert.equal(result.descriptor.mediaType, NYDUS_BLOB)
  })
})

/** In a blob: a byte in the middle of every chunk, and of every section. */
async function places(path: string): Promise<number[]> {
  using file = openFile(path, 'a blob')
  const { table } = await openChunkTables(file, 'a blob')
  const { sections } = await BlobReader.open(file, 'a blob')
  const chunks = [...table.chunks].map(
    ({ compressedOffset, compressedSize }) => compressedOffset + (compressedSize >> 1),
  )
  const every = Math.ceil(chunks.length / 12)
  return [
    ...chunks.filter((_, i) => i % every === 0),
    ...sections.map(({ offset, size }) => offset + (size >> 1)),
  ]
}
