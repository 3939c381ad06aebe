import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { testTar } from '../../testing/tar-builder.ts'
import { encodeFooter } from './footer.ts'
import { openEstargz, type Estargz } from './read.ts'

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/estargz/${name}`, import.meta.url))
const golden = fixture('minchunk50000.esgz')

/** Opens bytes as a blob; `reads` collects what was fetched. */
function open(
  blob: Uint8Array,
  reads: [number, number][] = [],
  tocDigest?: string,
): Promise<Estargz> {
  const readAt = async (offset: number, length: number): Promise<Uint8Array> => {
    reads.push([offset, length])
    assert(offset >= 0 && offset + length <= blob.length, `read of ${offset}, ${length}`)
    return blob.subarray(offset, offset + length)
  }
  const init = { what: 'a blob', size: blob.length }
  return openEstargz(readAt, tocDigest === undefined ? init : { ...init, tocDigest })
}

/** A blob that is nothing but a TOC of these rows, and what precedes it. */
function blobOf(before: Uint8Array, ...entries: object[]): Uint8Array {
  const json = JSON.stringify({ version: 1, entries })
  const toc = gzipSync(testTar().file('stargz.index.json', json).bytes())
  return Buffer.concat([before, toc, encodeFooter(before.length)])
}

suite('the reader', () => {
  test('needs two reads to open, and one for a file', async () => {
    const reads: [number, number][] = []
    const layer = await open(fixture('default.esgz'), reads)
    assert.equal(reads.length, 2)
    const file = layer.entry('/etc/hosts')!
    const [bytes] = await Array.fromAsync(layer.readFile(file))
    assert.equal(Buffer.from(bytes!).toString(), '127.0.0.1 localhost\n')
    assert.equal(reads.length, 3)
    assert(reads[2]![1] < 2000)
  })

  test('a TOC that is not the one of the annotation is refused', async () => {
    await assert.rejects(open(golden, [], `sha256:${'0'.repeat(64)}`), {
      code: 'CONTENT_DIGEST_MISMATCH',
    })
  })

  test('content that is not what the TOC says is refused', async () => {
    const member = gzipSync('other')
    const digest = `sha256:${'0'.repeat(64)}`
    const row = { name: 'f', type: 'reg', size: 5, digest, chunkDigest: digest }
    const layer = await open(blobOf(member, row))
    await assert.rejects(Array.fromAsync(layer.readFile(layer.entry('f')!)), {
      code: 'CONTENT_DIGEST_MISMATCH',
    })
  })

  test('content without a digest, or that ends too early, is refused', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    for (const row of [
      { name: 'f', type: 'reg', size: 5 },
      { name: 'f', type: 'reg', size: 50, chunkDigest: digest },
      { name: 'f', type: 'reg', size: 5, chunkSize: 3, chunkDigest: digest },
    ]) {
      const layer = await open(blobOf(gzipSync('other'), row))
      const reading = Array.fromAsync(layer.readFile(layer.entry('f')!))
      await assert.rejects(reading, { code: 'FORMAT_INVALID' })
    }
  })

  test('a chunk too large to hold is refused before memory is taken', async () => {
    const row = { name: 'f', type: 'reg', size: 2 ** 40, chunkDigest: 'x' }
    const layer = await open(blobOf(gzipSync('other'), row))
    assert.throws(() => layer.chunks(layer.entry('f')!), { code: 'FORMAT_LIMIT_EXCEEDED' })
  })

  test('hard links in a circle lead nowhere', async () => {
    const a = { name: 'a', type: 'hardlink', linkName: 'b' }
    const layer = await open(
      blobOf(gzipSync(''), a, { name: 'b', type: 'hardlink', linkName: './a' }),
    )
    assert.equal(layer.entry('a'), undefined)
  })

  test('any damage is an error of the catalogue, or none; no read leaves the blob', async () => {
    const place = fc.oneof(
      fc.integer({ min: 0, max: golden.length - 1 }),
      fc.integer({ min: golden.length - 2200, max: golden.length - 1 }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        async (changes) => {
          const damaged = Buffer.from(golden)
          for (const [at, mask] of changes) damaged[at]! ^= mask
          try {
            const layer = await open(damaged)
            for (const file of layer.toc.entries.slice(0, 12)) {
              for await (const bytes of layer.readFile(file)) assert(bytes.length <= file.size!)
            }
          } catch (error) {
            assert(isAccelError(error), String((error as Error).stack))
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  test('a blob that is cut off has no footer', async () => {
    for (const length of [0, 10, 50, golden.length - 1]) {
      await assert.rejects(open(golden.subarray(0, length)), { code: 'FORMAT_INVALID' })
    }
  })
})
