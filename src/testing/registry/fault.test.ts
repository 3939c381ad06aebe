import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { OCI_MANIFEST } from '../../oci/media-type.ts'
import type { Fault } from './fault.ts'
import { startTestRegistry, type TestRegistry } from './test-registry.ts'

const bytes = Buffer.alloc(300_000, 'abcdefghij')
const digest = digestOf(bytes)

async function started(...faults: Fault[]): Promise<TestRegistry> {
  const registry = await startTestRegistry({ faults })
  await registry.repository('demo/app').putBlob(bytes)
  return registry
}

function blobUrl(registry: TestRegistry): string {
  return `${registry.url}/v2/demo/app/blobs/${digest}`
}

/** What of the body arrived, and whether its end did. */
async function arrived(response: Response): Promise<{ bytes: Buffer; whole: boolean }> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of response.body!) pieces.push(piece as Uint8Array)
  } catch {
    return { bytes: Buffer.concat(pieces), whole: false }
  }
  return { bytes: Buffer.concat(pieces), whole: true }
}

for (const then of ['close', 'reset'] as const) {
  test(`${then} cuts the answer at the byte, once`, async () => {
    await using registry = await started({ on: 'GET blob', afterBytes: 65_536, then })
    const broken = await arrived(await fetch(blobUrl(registry)))
    assert.deepEqual([broken.whole, broken.bytes.length], [false, 65_536])
    const rest = await fetch(blobUrl(registry), { headers: { range: 'bytes=65536-' } })
    assert.equal((await arrived(rest)).bytes.length, bytes.length - 65_536)
    assert.deepEqual(
      registry.requests('GET blob').map((request) => [request.range, request.fault]),
      [
        [undefined, `${then} after 65536 bytes`],
        ['bytes=65536-', undefined],
      ],
    )
  })
}

test('a status replaces the answer as often as it should, of fitting requests alone', async () => {
  await using registry = await started({
    on: ['GET blob', 'HEAD blob'],
    then: { status: 429, headers: { 'Retry-After': '1' }, body: 'slow down' },
    times: 2,
    skip: 1,
    match: { repository: 'demo/app', digest },
  })
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) {
    const response = await fetch(blobUrl(registry), { method: i === 2 ? 'HEAD' : 'GET' })
    statuses.push(response.status)
    await response.arrayBuffer()
  }
  assert.deepEqual(statuses, [200, 429, 429, 200])
})

test('bodies are truncated and flipped', async () => {
  await using registry = await started({ on: 'GET blob', then: 'truncate', afterBytes: 1000 })
  const short = await arrived(await fetch(blobUrl(registry)))
  assert.deepEqual([short.whole, short.bytes.length], [true, 1000])
  registry.fault({ on: 'GET blob', then: 'flip byte', afterBytes: 290_001 })
  const flipped = await arrived(await fetch(blobUrl(registry)))
  assert.equal(flipped.bytes.length, bytes.length)
  const differing = flipped.bytes.findIndex((byte, at) => byte !== bytes[at])
  assert.equal(differing, 290_001)
  flipped.bytes[differing]! ^= 1
  assert.equal(digestOf(flipped.bytes), digest)
})

test('headers lie, and ranges are ignored', async () => {
  await using registry = await started(
    { on: 'HEAD blob', then: 'wrong digest' },
    { on: 'GET blob', then: 'ignore range' },
  )
  const head = await fetch(blobUrl(registry), { method: 'HEAD' })
  assert.equal(head.headers.get('docker-content-digest'), `sha256:${'0'.repeat(64)}`)
  const whole = await fetch(blobUrl(registry), { headers: { range: 'bytes=5-' } })
  assert.deepEqual([whole.status, (await arrived(whole)).bytes.length], [200, bytes.length])
})

test('an upload keeps what came before the fault', async () => {
  await using registry = await started(
    { on: 'PATCH upload', afterBytes: 100_000, then: 'reset' },
    { on: 'PATCH upload', afterBytes: 50_000, then: { status: 503 } },
    { on: 'PATCH upload', afterBytes: 50_000, then: 'truncate' },
  )
  const post = await fetch(`${registry.url}/v2/demo/up/blobs/uploads/`, { method: 'POST' })
  let url = new URL(post.headers.get('location')!, registry.url).href
  const progress = async () => {
    const response = await fetch(url)
    url = new URL(response.headers.get('location')!, registry.url).href
    return response.headers.get('range')
  }
  await assert.rejects(fetch(url, { method: 'PATCH', body: bytes }))
  assert.equal(await progress(), '0-99999')
  const busy = await fetch(url, { method: 'PATCH', body: bytes.subarray(100_000) })
  assert.equal(busy.status, 503)
  assert.equal(await progress(), '0-149999')
  const short = await fetch(url, { method: 'PATCH', body: bytes.subarray(150_000) })
  assert.deepEqual([short.status, short.headers.get('range')], [202, '0-199999'])
  await progress()
  const end = await fetch(`${url}&digest=${digest}`, {
    method: 'PUT',
    body: bytes.subarray(200_000),
  })
  assert.equal(end.status, 201)
  assert.equal(digestOf(await registry.blob('demo/up', digest)), digest)
})

test('a lost answer leaves what was done, a held request goes on', async () => {
  const gate = Promise.withResolvers<void>()
  await using registry = await started(
    { on: 'PUT manifest', then: 'lose answer' },
    { on: 'GET manifest', then: { hold: gate.promise } },
  )
  const config = await registry.repository('demo/app').putBlob(Buffer.from('{}'))
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers: [],
  })
  const url = `${registry.url}/v2/demo/app/manifests/latest`
  const put = fetch(url, {
    method: 'PUT',
    body: manifest,
    headers: { 'content-type': OCI_MANIFEST },
  })
  await assert.rejects(put)
  assert.deepEqual(registry.tags('demo/app'), ['latest'])
  const held = fetch(url)
  assert.equal((await fetch(url)).status, 200)
  gate.resolve()
  assert.equal((await held).status, 200)
})

test('a stalled answer ends with the client or the registry', async () => {
  const registry = await started({ on: 'GET blob', then: 'stall', afterBytes: 10, times: 2 })
  const abort = new AbortController()
  const response = await fetch(blobUrl(registry), { signal: abort.signal })
  const reader = response.body!.getReader()
  assert.equal((await reader.read()).value?.length, 10)
  abort.abort()
  await assert.rejects(reader.read())
  const other = await fetch(blobUrl(registry))
  const rest = arrived(other)
  await registry.close()
  assert.equal((await rest).whole, false)
})

test('a request that is held for ever ends with the registry', async () => {
  const registry = await started({ on: 'GET blob', then: { hold: new Promise(() => {}) } })
  const held = assert.rejects(fetch(blobUrl(registry)))
  // The answer to another request says that the first one has arrived.
  await (await fetch(`${registry.url}/v2/`)).arrayBuffer()
  await registry.close()
  await held
})

test('a fault that was taken back is met by nobody', async () => {
  await using registry = await started()
  const fault = registry.fault({ on: 'GET blob', then: { status: 500 }, times: Infinity })
  assert.equal((await fetch(blobUrl(registry))).status, 500)
  fault.remove()
  const response = await fetch(blobUrl(registry))
  assert.deepEqual([response.status, fault.met], [200, 1])
  await response.arrayBuffer()
})
