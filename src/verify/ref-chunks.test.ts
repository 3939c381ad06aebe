import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BlobReader, type BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { readRafsV6 } from '../formats/rafs-v6/read.ts'
import { refChunks } from './ref-chunks.ts'

const fixtures = join(import.meta.dirname, '../../test/fixtures/nydus/zran')
const layer = readFileSync(join(fixtures, 'two-members.tar.gz'))
/** Made by nydus-image. */
const tables = readFileSync(join(fixtures, 'two-members.nydus-blob'))

function sourceOf(bytes: Uint8Array): BlobSource {
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(bytes.subarray(offset, offset + length))
  return { size: bytes.length, read }
}

const blob = await BlobReader.open(sourceOf(tables), 'golden')
const { tree } = readRafsV6((await blob.bootstrap())!, { what: 'golden' })
const { chunks } = tree.inodes

test('every chunk of a blob of nydus-image is read out of the gzip, and is what its digest says', async () => {
  const reader = await refChunks(sourceOf(tables), sourceOf(layer), 'golden')
  assert.equal(chunks.length, 16)
  for (let id = 0; id < chunks.length; id++) {
    const chunk = chunks.get(id)
    const bytes = await reader.read(chunk)
    assert.equal(bytes.length, chunk.uncompressedSize)
    assert.deepEqual(hash('sha256', bytes, 'buffer'), Buffer.from(chunk.digest))
  }
})

test('a layer that is damaged or cut off, and a bootstrap that says otherwise, are told', async () => {
  const chunk = Array.from({ length: chunks.length }, (_, id) => chunks.get(id)).find(
    ({ index }) => index === 3,
  )!
  const readFrom = async (bytes: Uint8Array, change = {}): Promise<Uint8Array> => {
    const reader = await refChunks(sourceOf(tables), sourceOf(bytes), 'golden')
    return reader.read({ ...chunk, ...change })
  }
  const damaged = Buffer.from(layer).fill(0xff, 10, 40)
  await assert.rejects(readFrom(damaged), { code: 'FORMAT_INVALID', message: /context 0/ })
  await assert.rejects(readFrom(layer.subarray(0, 20_000)), { message: /ends behind the layer/ })
  await assert.rejects(readFrom(layer, { index: 99 }), { message: /not in its chunk table/ })
  await assert.rejects(readFrom(layer, { compressedOffset: 1 }), { message: /is elsewhere/ })
  await assert.rejects(readFrom(layer, { digest: new Uint8Array(32) }), { message: /digest/ })
})
