/** What every driver must do, whatever its format; each driver's test runs it. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { ConfiguredDriver, LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { AccelError } from '../errors/accel-error.ts'
import { digestOf } from '../oci/digest.ts'
import { OCI_LAYER_ZSTD } from '../oci/media-type.ts'
import { bytesFrom, collect, type ByteSource } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import { createThreadPool, type ThreadPool } from '../threads/pool.ts'
import { buildLayer, type BuiltLayer } from './image-builder.ts'
import { testTar } from './tar-builder.ts'

/** A layer that was converted, and the bytes of its blob. */
export interface Converted {
  result: LayerResult
  blob: Buffer
}

/** Runs drivers on layers, with threads and files of its own. */
export interface DriverBench extends AsyncDisposable {
  readonly threads: ThreadPool
  convert(
    driver: ConfiguredDriver,
    layer: BuiltLayer,
    change?: Partial<LayerInput>,
    signal?: AbortSignal,
  ): Promise<Converted>
}

/** Starts a bench with so many threads for batches. */
export function openDriverBench(batchThreads = 2): DriverBench {
  const threads = createThreadPool({ batchThreads, layerThreads: 2 })
  const folder = mkdtempSync(join(tmpdir(), 'accel-driver-'))
  let files = 0
  return {
    threads,
    async convert(driver, layer, change = {}, signal = new AbortController().signal) {
      const ingestPath = join(folder, String((files += 1)))
      const { descriptor, diffId } = layer
      const what = 'a layer'
      const open = (): ByteSource => verified(layer.open(), descriptor, what)
      const result = await driver.layers.convertLayer(
        { descriptor, diffId, what, open, ...change },
        { threads, signal, ingestPath, list: true, progress: () => {} },
      )
      return { result, blob: readFileSync(ingestPath) }
    },
    async [Symbol.asyncDispose]() {
      await threads[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

/** A layer with something of everything, small enough to be cut at each byte. */
function sampleTar(): Uint8Array {
  const noise = Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * i * 31 + (i >> 3)) % 251))
  return testTar()
    .directory('a/', { mtime: 1 })
    .file('a/noise', noise, { mode: 0o600, uid: 7, uname: 'seven' })
    .file('a/empty')
    .symlink('a/link', 'noise')
    .hardlink('a/hard', 'a/noise')
    .file('a/long'.repeat(30), 'x'.repeat(600), { mtime: 1.5, xattrs: { 'user.a': 'b' } })
    .bytes()
}

/** What must hold for `driver`. `inPlace`: it leaves layers where they are, compressed as they are. */
export function driverSuite(
  name: string,
  driver: ConfiguredDriver,
  { inPlace = false }: { inPlace?: boolean } = {},
): void {
  suite(`the driver ${name}`, () => {
    let bench: DriverBench
    before(() => {
      bench = openDriverBench()
    })
    after(() => bench[Symbol.asyncDispose]())
    const tar = sampleTar()
    const layer = buildLayer(tar)

    test('the descriptor is that of the blob', async () => {
      const { result, blob } = await bench.convert(driver, layer)
      assert.equal(result.descriptor.digest, digestOf(blob))
      assert.equal(result.descriptor.size, blob.length)
      assert.equal(result.sourceUncompressedSize, tar.length)
      assert.equal(result.kept, undefined)
    })

    test('the same layer gives the same bytes, with one thread and with three', async () => {
      const first = await bench.convert(driver, layer)
      for (const batchThreads of [1, 3]) {
        await using other = openDriverBench(batchThreads)
        const { result, blob } = await other.convert(driver, layer)
        assert.deepEqual(result.descriptor, first.result.descriptor)
        assert(blob.equals(first.blob))
      }
    })

    test('however the source arrives, the result is the same', async () => {
      const { result } = await bench.convert(driver, layer)
      const bytes = await collect(layer.open(), 1e6, () => new Error('too large'))
      for (const size of [1, 7, 512, 4096]) {
        const cuts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.slice(i * size, (i + 1) * size),
        )
        const cut = await bench.convert(driver, layer, { open: () => bytesFrom(...cuts) })
        assert.equal(cut.result.descriptor.digest, result.descriptor.digest)
      }
    })

    for (const compression of inPlace ? [] : (['none', 'zstd'] as const)) {
      test(`the source's compression does not matter: ${compression}`, async () => {
        const { result } = await bench.convert(driver, layer)
        const other = await bench.convert(driver, buildLayer(tar, { compression }))
        assert.deepEqual(other.result.descriptor, result.descriptor)
      })
    }

    test('a media type that says another compression is not believed, and told', async () => {
      const { result } = await bench.convert(driver, layer)
      const mislabelled = { ...layer.descriptor, mediaType: OCI_LAYER_ZSTD }
      const other = await bench.convert(driver, layer, { descriptor: mislabelled })
      assert.equal(other.result.descriptor.digest, result.descriptor.digest)
      assert.deepEqual(result.warnings, [])
      assert.match(other.result.warnings.join(), /media type says compression zstd.* bytes gzip/)
    })

    test('a tar that ends too early is an error of the format', async () => {
      const short = buildLayer(tar.subarray(0, 5000))
      await assert.rejects(bench.convert(driver, short), { code: 'FORMAT_TRUNCATED' })
    })

    test('a download that is cut short is an error of the content, which is tried again', async () => {
      const bytes = await collect(layer.open(), 1e6, () => new Error('too large'))
      const open = (): ByteSource =>
        verified(bytesFrom(bytes.subarray(0, bytes.length >> 1)), layer.descriptor, 'a layer')
      await assert.rejects(bench.convert(driver, layer, { open }), {
        code: 'CONTENT_SIZE_MISMATCH',
      })
    })

    test('a download that is damaged is an error of the content, not of the format', async () => {
      const bytes = Buffer.from(await collect(layer.open(), 1e6, () => new Error('too large')))
      bytes[bytes.length >> 1]! ^= 0xff
      const open = (): ByteSource => verified(bytesFrom(bytes), layer.descriptor, 'a layer')
      await assert.rejects(bench.convert(driver, layer, { open }), {
        code: 'CONTENT_DIGEST_MISMATCH',
      })
    })

    test('a layer that the config does not name is refused', async () => {
      const diffId = digestOf('another')
      await assert.rejects(bench.convert(driver, layer, { diffId }), {
        code: 'IMAGE_DIFF_ID_MISMATCH',
      })
    })

    test('an abort ends it at once, and the threads can be used again', async () => {
      const stop = new AbortController()
      const reason = new AccelError('ABORTED', { what: 'the test' })
      let closed = false
      async function* endless(): AsyncGenerator<Uint8Array> {
        try {
          yield (await collect(layer.open(), 1e6, () => new Error('too large'))).subarray(0, 100)
          queueMicrotask(() => stop.abort(reason))
          await new Promise((_, reject) =>
            stop.signal.addEventListener('abort', () => reject(reason)),
          )
        } finally {
          closed = true
        }
      }
      await assert.rejects(
        bench.convert(driver, layer, { open: endless }, stop.signal),
        (error) => error === reason,
      )
      assert(closed)
      await bench.convert(driver, layer)
    })
  })
}
