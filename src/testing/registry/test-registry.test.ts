import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST } from '../../oci/media-type.ts'
import { startTestRegistry, type TestRegistry } from './test-registry.ts'

const hello = Buffer.from('hello, registry')
const digest = digestOf(hello)

/** Starts an upload and returns where it goes on. */
async function begin(registry: TestRegistry, repository = 'demo/app'): Promise<string> {
  const response = await fetch(`${registry.url}/v2/${repository}/blobs/uploads/`, {
    method: 'POST',
  })
  assert.equal(response.status, 202)
  return next(registry, response)
}

function next(registry: TestRegistry, response: Response): string {
  return new URL(response.headers.get('location')!, registry.url).href
}

function withDigest(url: string, of: string): string {
  return `${url}&digest=${encodeURIComponent(of)}`
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { errors: { code: string }[] }).errors[0]!.code
}

/** A manifest over blobs that are in the registry. */
async function manifestIn(registry: TestRegistry, repository: string): Promise<Buffer> {
  const to = registry.repository(repository)
  const config = await to.putBlob(Buffer.from('{}'), OCI_CONFIG)
  const layer = await to.putBlob(hello, OCI_LAYER_TAR)
  const json = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] }
  return Buffer.from(JSON.stringify(json))
}

async function put(
  registry: TestRegistry,
  reference: string,
  bytes: Uint8Array,
  type = OCI_MANIFEST,
  repository = 'demo/app',
): Promise<Response> {
  return fetch(`${registry.url}/v2/${repository}/manifests/${reference}`, {
    method: 'PUT',
    body: Buffer.from(bytes),
    headers: { 'content-type': type },
  })
}

test('an upload in pieces tells how far it is, and becomes a blob', async () => {
  await using registry = await startTestRegistry()
  let url = await begin(registry)
  const first = await fetch(url, {
    method: 'PATCH',
    body: hello.subarray(0, 6),
    headers: { 'content-range': '0-5' },
  })
  assert.equal(first.status, 202)
  assert.equal(first.headers.get('range'), '0-5')
  url = next(registry, first)
  const status = await fetch(url)
  assert.equal(status.status, 204)
  assert.equal(status.headers.get('range'), '0-5')
  url = next(registry, status)
  const wrong = await fetch(url, {
    method: 'PATCH',
    body: hello.subarray(7),
    headers: { 'content-range': `7-${hello.length - 1}` },
  })
  assert.equal(wrong.status, 416)
  assert.equal(wrong.headers.get('range'), '0-5')
  url = next(registry, wrong)
  const last = await fetch(withDigest(url, digest), { method: 'PUT', body: hello.subarray(6) })
  assert.equal(last.status, 201)
  assert.equal(last.headers.get('docker-content-digest'), digest)
  assert.deepEqual(await registry.blob('demo/app', digest), hello)
  assert.equal(registry.openUploads(), 0)
})

test('an upload is refused with another digest, an old Location, and after DELETE', async () => {
  await using registry = await startTestRegistry()
  const old = await begin(registry)
  const url = next(registry, await fetch(old, { method: 'PATCH', body: hello }))
  const stale = await fetch(old, { method: 'PATCH', body: hello })
  assert.equal(stale.status, 400)
  assert.equal(await codeOf(stale), 'BLOB_UPLOAD_INVALID')
  const other = await fetch(withDigest(url, digestOf('other')), { method: 'PUT' })
  assert.equal(other.status, 400)
  assert.equal(await codeOf(other), 'DIGEST_INVALID')

  const abandoned = await begin(registry)
  assert.equal((await fetch(abandoned, { method: 'DELETE' })).status, 204)
  const gone = await fetch(abandoned, { method: 'PATCH', body: hello })
  assert.equal(gone.status, 404)
  assert.equal(await codeOf(gone), 'BLOB_UPLOAD_UNKNOWN')
})

test('a blob in one request, and mounted by another repository', async () => {
  await using registry = await startTestRegistry()
  const uploads = (name: string) => `${registry.url}/v2/${name}/blobs/uploads/`
  const one = await fetch(`${uploads('demo/app')}?digest=${digest}`, {
    method: 'POST',
    body: hello,
  })
  assert.equal(one.status, 201)
  const mounted = await fetch(`${uploads('demo/other')}?mount=${digest}&from=demo/app`, {
    method: 'POST',
  })
  assert.equal(mounted.status, 201)
  const missing = await fetch(`${uploads('demo/third')}?mount=${digestOf('x')}&from=demo/app`, {
    method: 'POST',
  })
  assert.equal(missing.status, 202)
  assert.deepEqual(await registry.blob('demo/other', digest), hello)
  await assert.rejects(registry.blob('demo/third', digest))
})

test('blobs are served whole, in ranges, and not at all', async () => {
  await using registry = await startTestRegistry()
  await registry.repository('demo/app').putBlob(hello)
  const url = `${registry.url}/v2/demo/app/blobs/${digest}`
  const range = async (header: string) => {
    const response = await fetch(url, { headers: { range: header } })
    return [response.status, response.headers.get('content-range'), await response.text()]
  }
  const head = await fetch(url, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), String(hello.length))
  assert.deepEqual(await range('bytes=7-'), [206, 'bytes 7-14/15', 'registry'])
  assert.deepEqual(await range('bytes=0-4'), [206, 'bytes 0-4/15', 'hello'])
  assert.deepEqual(await range('bytes=-3'), [206, 'bytes 12-14/15', 'try'])
  assert.deepEqual(await range('bytes=0-99'), [206, 'bytes 0-14/15', 'hello, registry'])
  assert.deepEqual((await range('bytes=15-')).slice(0, 2), [416, 'bytes */15'])
  assert.deepEqual(await range('bytes=9-3'), [200, null, 'hello, registry'])
  const same = await fetch(url, { headers: { 'if-none-match': `"${digest}"` } })
  assert.equal(same.status, 304)
  const none = await fetch(`${registry.url}/v2/demo/other/blobs/${digest}`)
  assert.equal(none.status, 404)
  assert.equal(await codeOf(none), 'BLOB_UNKNOWN')
  assert.deepEqual(
    registry.requests('GET blob').map(({ range: asked, status, bytesOut }) => ({
      asked,
      status,
      bytesOut,
    }))[0],
    { asked: 'bytes=7-', status: 206, bytesOut: 8 },
  )
})

test('a manifest is stored when all it names is there', async () => {
  await using registry = await startTestRegistry()
  const bytes = await manifestIn(registry, 'demo/app')
  const stored = await put(registry, 'latest', bytes)
  assert.equal(stored.status, 201)
  assert.equal(stored.headers.get('docker-content-digest'), digestOf(bytes))
  const read = await fetch(`${registry.url}/v2/demo/app/manifests/latest`)
  assert.equal(read.headers.get('content-type'), OCI_MANIFEST)
  assert.equal(await read.text(), bytes.toString())

  const refusals: [Promise<Response>, string][] = [
    [put(registry, 'a', bytes, OCI_MANIFEST, 'demo/other'), 'MANIFEST_BLOB_UNKNOWN'],
    [put(registry, 'a', bytes, OCI_INDEX), 'MANIFEST_INVALID'],
    [put(registry, 'a', bytes, 'text/plain'), 'MANIFEST_INVALID'],
    [put(registry, 'a', Buffer.from('{'), OCI_MANIFEST), 'MANIFEST_INVALID'],
    [put(registry, digestOf('other'), bytes), 'DIGEST_INVALID'],
    [put(registry, 'a', Buffer.alloc(5 * 1024 * 1024)), 'REQUEST_ENTITY_TOO_LARGE'],
  ]
  for (const [refused, code] of refusals) {
    const response = await refused
    assert.ok(response.status === 400 || response.status === 413)
    assert.equal(await codeOf(response), code)
  }
  const size = bytes.length
  const child = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size }
  const index = (manifests: object[]) =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }))
  assert.equal((await put(registry, 'multi', index([child]), OCI_INDEX)).status, 201)
  const orphan = await put(registry, 'b', index([{ ...child, digest }]), OCI_INDEX)
  assert.equal(await codeOf(orphan), 'MANIFEST_BLOB_UNKNOWN')
  const wrong = await put(registry, 'b', index([{ ...child, size: 1 }]), OCI_INDEX)
  assert.equal(await codeOf(wrong), 'MANIFEST_INVALID')
  assert.deepEqual(registry.tags('demo/app'), ['latest', 'multi'])
})

test('tags and repositories are listed by pages, and deleted', async () => {
  await using registry = await startTestRegistry({ pageSize: 3 })
  const bytes = await manifestIn(registry, 'demo/app')
  for (const tag of ['d', 'a', 'c', 'b', 'e']) {
    await registry.repository('demo/app').putManifest(bytes, OCI_MANIFEST, tag)
  }
  const first = await fetch(`${registry.url}/v2/demo/app/tags/list?n=2`)
  assert.deepEqual(await first.json(), { name: 'demo/app', tags: ['a', 'b'] })
  const link = /^<(.*)>; rel="next"$/.exec(first.headers.get('link')!)![1]!
  const second = await fetch(new URL(link, registry.url))
  assert.deepEqual(((await second.json()) as { tags: string[] }).tags, ['c', 'd'])
  const own = await fetch(`${registry.url}/v2/demo/app/tags/list`)
  assert.deepEqual(((await own.json()) as { tags: string[] }).tags, ['a', 'b', 'c'])
  const last = await fetch(`${registry.url}/v2/demo/app/tags/list?last=bb`)
  assert.deepEqual(((await last.json()) as { tags: string[] }).tags, ['c', 'd', 'e'])
  assert.equal(last.headers.get('link'), null)
  const catalog = await fetch(`${registry.url}/v2/_catalog`)
  assert.deepEqual(await catalog.json(), { repositories: ['demo/app'] })
  assert.equal((await fetch(`${registry.url}/v2/nope/tags/list`)).status, 404)

  const manifests = `${registry.url}/v2/demo/app/manifests`
  assert.equal((await fetch(`${manifests}/a`, { method: 'DELETE' })).status, 202)
  assert.deepEqual(registry.tags('demo/app'), ['b', 'c', 'd', 'e'])
  const gone = await fetch(`${manifests}/${digestOf(bytes)}`, { method: 'DELETE' })
  assert.equal(gone.status, 202)
  assert.deepEqual(registry.tags('demo/app'), [])
})

test('referrers are listed, filtered, and absent when switched off', async () => {
  await using registry = await startTestRegistry()
  const bytes = await manifestIn(registry, 'demo/app')
  const subject = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }
  const json = { ...(JSON.parse(bytes.toString()) as object), subject, annotations: { a: 'b' } }
  const referrer = Buffer.from(JSON.stringify({ ...json, artifactType: 'application/x' }))
  const stored = await put(registry, digestOf(referrer), referrer)
  assert.equal(stored.headers.get('oci-subject'), subject.digest)
  const list = async (query = '') => {
    const response = await fetch(`${registry.url}/v2/demo/app/referrers/${subject.digest}${query}`)
    const { manifests } = (await response.json()) as { manifests: object[] }
    return { manifests, applied: response.headers.get('oci-filters-applied') }
  }
  const entry = {
    mediaType: OCI_MANIFEST,
    digest: digestOf(referrer),
    size: referrer.length,
    artifactType: 'application/x',
    annotations: { a: 'b' },
  }
  assert.deepEqual(await list(), { manifests: [entry], applied: null })
  const filtered = { manifests: [], applied: 'artifactType' }
  assert.deepEqual(await list('?artifactType=application/y'), filtered)

  await using without = await startTestRegistry({ referrers: false })
  await manifestIn(without, 'demo/app')
  const silent = await put(without, digestOf(referrer), referrer)
  assert.equal(silent.status, 201)
  assert.equal(silent.headers.get('oci-subject'), null)
  const answer = await fetch(`${without.url}/v2/demo/app/referrers/${subject.digest}`)
  assert.equal(answer.status, 404)
})

test('what was pushed is there after a restart with the same directory', async (t) => {
  const { mkdtemp, rm } = await import('node:fs/promises')
  const directory = await mkdtemp('/tmp/registry-kept-')
  t.after(() => rm(directory, { recursive: true }))
  const before = await startTestRegistry({ directory })
  const bytes = await manifestIn(before, 'demo/app')
  assert.equal((await put(before, 'latest', bytes)).status, 201)
  await before.close()
  await using after = await startTestRegistry({ directory })
  assert.equal(after.manifest('demo/app', 'latest')?.digest, digestOf(bytes))
  assert.deepEqual(await after.blob('demo/app', digest), hello)
})

test('redirected blobs come from another origin that refuses credentials', async () => {
  await using registry = await startTestRegistry({ redirectBlobs: true })
  await registry.repository('demo/app').putBlob(hello)
  const url = `${registry.url}/v2/demo/app/blobs/${digest}`
  const response = await fetch(url, { redirect: 'manual' })
  assert.equal(response.status, 307)
  const location = response.headers.get('location')!
  assert.notEqual(new URL(location).host, registry.host)
  const partial = await fetch(location, { headers: { range: 'bytes=7-' } })
  assert.deepEqual([partial.status, await partial.text()], [206, 'registry'])
  const refused = await fetch(location, { headers: { authorization: 'Bearer x' } })
  assert.equal(refused.status, 400)
  assert.deepEqual(
    registry.requests('GET redirected blob').map((request) => request.authorized),
    [false, true],
  )
})
