import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { BlobReader, type BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { readRafsV5 } from '../formats/rafs-v5/read.ts'
import { readRafsV6 } from '../formats/rafs-v6/read.ts'
import { tableProblems, v5TableProblems } from './bootstrap-tables.ts'
import { openChunkTables } from './nydus-chunks.ts'

const fixtures = join(import.meta.dirname, '../../test/fixtures/nydus')
const fixture = (name: string): Buffer => readFileSync(join(fixtures, name))

function sourceOf(bytes: Uint8Array): BlobSource {
  const read = async (at: number, length: number): Promise<Uint8Array> =>
    bytes.subarray(at, at + length)
  return { size: bytes.length, read }
}

test('nothing is said of the tables of bootstraps of nydus-image, of any version', () => {
  const bytes = gunzipSync(fixture('v6-image-raw-size-438272.boot.gz'))
  assert.deepEqual(tableProblems(readRafsV6(bytes, { what: 'v6' }), bytes.length), [])
  const old = fixture('rafs-v6-2.2.boot')
  assert.deepEqual(tableProblems(readRafsV6(old, { what: '2.2' }), old.length), [])
  const v5 = gunzipSync(fixture('v5-image.boot.gz'))
  assert.deepEqual(v5TableProblems(readRafsV5(v5, { what: 'v5' })), [])
})

test('blobs of nydus-image are what their bootstraps say', async () => {
  for (const name of [
    'zran/two-members.nydus-blob',
    'blobs/2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca',
  ]) {
    const source = sourceOf(fixture(name))
    const blob = await BlobReader.open(source, name)
    const { blobs } = readRafsV6((await blob.bootstrap())!, { what: name })
    const { table } = await openChunkTables(source, name, { entry: blobs[0]! })
    assert.equal(table.count, blobs[0]!.chunkCount)
    const wrong = { ...blobs[0]!, ciOffset: 1 }
    await assert.rejects(openChunkTables(source, name, { entry: wrong }), {
      code: 'FORMAT_INVALID',
      message: /says a chunk table at 1 of it, it has/,
    })
  }
})
