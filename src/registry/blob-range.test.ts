import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { Fault } from '../testing/registry/fault.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { createRegistryClient } from './client.ts'

const bytes = randomBytes(1_000_000)
const type = 'application/vnd.oci.image.layer.v1.tar+gzip'
const layer = { mediaType: type, digest: digestOf(bytes), size: bytes.length }

/** Reads a part of the layer from a registry with faults; what came, and the ranges that were asked for. */
async function part(offset: number, length: number, faults: Fault[] = [], descriptor = layer) {
  await using registry = await startTestRegistry({ faults })
  await registry.repository('demo/app').putBlob(bytes, type)
  const client = createRegistryClient({ clock: createFakeClock() }, { hosts: () => ({}) })
  try {
    const repository = client.repository({ host: registry.host, repository: 'demo/app' })
    const got = await repository.blobRange(descriptor, { offset, length })
    return { got, ranges: registry.requests('GET blob').map(({ range }) => range) }
  } finally {
    await client.close()
  }
}

test('a part comes in one request, first and last byte included', async () => {
  for (const [offset, length] of [
    [0, 1],
    [300_000, 70_000],
    [999_999, 1],
    [0, 1_000_000],
  ] as const) {
    const { got, ranges } = await part(offset, length)
    assert.ok(Buffer.from(got).equals(bytes.subarray(offset, offset + length)))
    assert.deepEqual(ranges, [`bytes=${offset}-${offset + length - 1}`])
  }
})

test('a registry that ignores ranges is read up to the end of the part', async () => {
  const { got } = await part(300_000, 70_000, [{ on: 'GET blob', then: 'ignore range' }])
  assert.ok(Buffer.from(got).equals(bytes.subarray(300_000, 370_000)))
})

test('a connection that breaks is tried again', async () => {
  const { got, ranges } = await part(300_000, 70_000, [
    { on: 'GET blob', afterBytes: 1000, then: 'close' },
  ])
  assert.ok(Buffer.from(got).equals(bytes.subarray(300_000, 370_000)))
  assert.equal(ranges.length, 2)
})

test('a blob that is not there, or ends too early, is an error', async () => {
  const other = { ...layer, digest: digestOf(new Uint8Array(1)) }
  await assert.rejects(part(0, 10, [], other), { code: 'CONTENT_NOT_FOUND' })
  await assert.rejects(part(999_990, 20), {
    code: 'CONTENT_SIZE_MISMATCH',
    message: /bytes from 999990 on: read 10 bytes, expected 20$/,
  })
})
