/** Every damaged byte behind the last file of a blob is noticed by who has the annotations of its manifest. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import { AccelError } from '../../errors/accel-error.ts'
import { openZstdChunked } from '../../formats/zstd-chunked/read.ts'
import { openDriverBench, type Converted, type DriverBench } from '../../testing/driver-suite.ts'
import { buildLayer } from '../../testing/image-builder.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { zstdChunked } from './index.ts'

/** A blob, what one of its manifests says of it, and where its table of contents begins. */
interface Target {
  name: string
  blob: Buffer
  annotations: Record<string, string>
  indexStart: number
}

/** The blob once for each of its manifests. */
function targetsOf(name: string, { result, blob }: Converted): Target[] {
  const indexStart = blob.length - result.indexSize!
  return [result.descriptor, ...(result.variants ?? [])].map(({ annotations = {} }, i) => ({
    name: `${name}, manifest ${i + 1}`,
    blob,
    annotations,
    indexStart,
  }))
}

/** What the reader says of the blob with the bits of `mask` turned round at `at`; undefined where it says nothing. */
async function damageNoticed(
  { blob, annotations }: Target,
  at: number,
  mask: number,
): Promise<unknown> {
  const damaged = Buffer.from(blob)
  damaged[at]! ^= mask
  const readAt = async (offset: number, length: number): Promise<Uint8Array> =>
    damaged.subarray(offset, offset + length)
  try {
    await openZstdChunked(readAt, { what: 'a layer', size: damaged.length, annotations })
    return undefined
  } catch (error) {
    return error
  }
}

const sample = testTar()
  .directory('a/', { mtime: 1.25 })
  .file('a/b', 'content'.repeat(100))
  .file('a/large', Buffer.alloc(9000, 'large'))
  .symlink('a/link', 'b')
  .bytes()

suite('damage behind the last file', () => {
  let bench: DriverBench
  before(() => {
    bench = openDriverBench()
  })
  after(() => bench[Symbol.asyncDispose]())

  for (const dialect of ['stargz', 'containers', 'both']) {
    test(`${dialect}: at every byte, and every bit, it is noticed`, async () => {
      const driver = zstdChunked.configure({ dialect, chunk_size: '4KiB' })
      for (const target of targetsOf(dialect, await bench.convert(driver, buildLayer(sample)))) {
        assert.equal(await damageNoticed(target, 0, 0), undefined, 'undamaged it is read')
        for (let at = target.indexStart; at < target.blob.length; at++) {
          for (let bit = 1; bit < 256; bit <<= 1) {
            const error = await damageNoticed(target, at, bit)
            assert(
              error instanceof AccelError,
              `${target.name}: byte ${at}, bits ${bit}: ${String(error)}`,
            )
          }
        }
      }
    })
  }

  test('of any tar it is noticed, whichever manifest the reader has', async () => {
    const file = fc.record({
      name: fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,2}$/),
      content: fc.uint8Array({ maxLength: 9000 }),
    })
    const option = fc.record({
      dialect: fc.constantFrom('stargz', 'containers', 'both'),
      chunk_size: fc.constantFrom('4KiB', 'rolling'),
    })
    const damage = fc.array(
      fc.record({
        place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        mask: fc.integer({ min: 1, max: 255 }),
      }),
      { minLength: 1, maxLength: 20 },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(file, { maxLength: 6, selector: ({ name }) => name.split('/')[0]! }),
        option,
        damage,
        async (files, config, places) => {
          const tar = testTar()
          for (const { name, content } of files) tar.file(name, content)
          const made = await bench.convert(zstdChunked.configure(config), buildLayer(tar.bytes()))
          for (const target of targetsOf(config.dialect, made)) {
            for (const { place, mask } of places) {
              const at =
                target.indexStart + Math.floor(place * (target.blob.length - target.indexStart))
              const error = await damageNoticed(target, at, mask)
              assert(
                error instanceof AccelError,
                `${target.name}: byte ${at}, bits ${mask}: ${String(error)}`,
              )
            }
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})
