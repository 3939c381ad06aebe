import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import {
  DOCKER_LIST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_TAR,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { startScriptedServer, type ScriptedAnswer } from '../testing/scripted-server.ts'
import { createRegistryClient } from './client.ts'
import type { RegistryRepository } from './repository.ts'

interface Fixture extends AsyncDisposable {
  registry: TestRegistry
  repository: RegistryRepository
  bytes: Uint8Array
  descriptor: Descriptor
}

/** A registry with the blobs of one image, whose manifest is not pushed yet. */
async function started(init: TestRegistryInit = {}): Promise<Fixture> {
  const registry = await startTestRegistry(init)
  const bytes = await imageIn(registry)
  const client = createRegistryClient({ clock: createFakeClock() }, { hosts: () => ({}) })
  return {
    registry,
    bytes,
    descriptor: describe(bytes),
    repository: client.repository(
      { host: registry.host, repository: 'demo/app' },
      { side: 'target' },
    ),
    async [Symbol.asyncDispose]() {
      await client.close()
      await registry.close()
    },
  }
}

async function imageIn(registry: TestRegistry, more: object = {}): Promise<Uint8Array> {
  const to = registry.repository('demo/app')
  const config = await to.putBlob(Buffer.from('{}'), OCI_CONFIG)
  const layer = await to.putBlob(Buffer.from('layer'), OCI_LAYER_TAR)
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer], ...more }),
  )
}

function describe(bytes: Uint8Array, mediaType = OCI_MANIFEST): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

function repositoryAt(host: string): RegistryRepository & AsyncDisposable {
  const client = createRegistryClient({ clock: createFakeClock() }, { hosts: () => ({}) })
  const repository = client.repository({ host, repository: 'demo/app' })
  return { ...repository, [Symbol.asyncDispose]: () => client.close() }
}

test('a manifest is pushed under a tag, resolved by HEAD, and read by digest', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  assert.deepEqual(await repository.resolve('v1'), descriptor)
  assert.deepEqual(await repository.find(descriptor.digest), descriptor)
  assert.deepEqual(Buffer.from(await repository.manifest(descriptor)), Buffer.from(bytes))
  assert.deepEqual(
    registry.requests().map((r) => `${r.kind} ${r.reference}`),
    [
      'PUT manifest v1',
      'HEAD manifest v1',
      `HEAD manifest ${descriptor.digest}`,
      `GET manifest ${descriptor.digest}`,
    ],
  )
})

test('without a tag it is pushed by digest; resolve means latest', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor)
  assert.deepEqual(
    registry.requests('PUT manifest').map((r) => r.reference),
    [descriptor.digest],
  )
  assert.deepEqual(registry.tags('demo/app'), [])
  await assert.rejects(repository.resolve(undefined), {
    code: 'CONTENT_NOT_FOUND',
    context: { what: 'latest', where: `${registry.host}/demo/app` },
  })
  assert.equal(await repository.find('nope'), undefined)
})

test('what is neither tag nor digest never reaches a URL', async () => {
  await using fixture = await started()
  for (const text of ['../x', 'a/b', 'a?b', '', 'sha256:12']) {
    await assert.rejects(fixture.repository.resolve(text), { code: 'REFERENCE_INVALID' })
  }
  const { bytes, descriptor, repository, registry } = fixture
  await assert.rejects(repository.pushManifest(bytes, descriptor, { tag: 'a/b' }), {
    code: 'REFERENCE_INVALID',
  })
  assert.deepEqual(registry.requests(), [])
})

test('a HEAD that does not tell enough is followed by a GET', async () => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }))
  const digest = digestOf(bytes)
  const heads: ScriptedAnswer[] = [
    { status: 200, headers: { 'content-type': OCI_INDEX } },
    { status: 200, headers: { 'docker-content-digest': digest } },
    {
      status: 200,
      headers: { 'docker-content-digest': `sha512:${'a'.repeat(128)}`, 'content-type': OCI_INDEX },
    },
    { status: 405 },
    { status: 400 },
  ]
  for (const head of heads) {
    for (const type of [OCI_INDEX, `${OCI_INDEX}; charset=utf-8`, 'application/json', '']) {
      await using server = await startScriptedServer((request) =>
        request.method === 'HEAD'
          ? head
          : { status: 200, headers: { 'content-type': type }, body: bytes },
      )
      await using repository = repositoryAt(server.host)
      assert.deepEqual(await repository.resolve('v1'), describe(bytes, OCI_INDEX))
      assert.equal(server.seen.length, 2)
    }
  }
})

test('a digest that HEAD answers with another digest is checked by its bytes', async () => {
  const bytes = Buffer.from('{}')
  await using server = await startScriptedServer(() => ({
    status: 200,
    headers: {
      'docker-content-digest': digestOf(bytes),
      'content-type': OCI_MANIFEST,
      'content-length': '2',
    },
    body: bytes,
  }))
  await using repository = repositoryAt(server.host)
  await assert.rejects(repository.resolve(digestOf('other')), { code: 'CONTENT_DIGEST_MISMATCH' })
})

test('a manifest of other bytes, or another size, is refused', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor)
  registry.fault({ on: 'GET manifest', afterBytes: 3, then: 'flip byte' })
  await assert.rejects(repository.manifest(descriptor), {
    code: 'CONTENT_DIGEST_MISMATCH',
    message: new RegExp(`^${registry.host}/demo/app@${descriptor.digest}: read`),
  })
  await assert.rejects(repository.manifest({ ...descriptor, size: 1 }), {
    code: 'CONTENT_SIZE_MISMATCH',
  })
  await assert.rejects(repository.manifest({ ...descriptor, digest: digestOf('x') }), {
    code: 'CONTENT_NOT_FOUND',
  })
})

test('a manifest whose connection breaks in the middle is read again', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor)
  registry.fault({ on: 'GET manifest', afterBytes: 20, then: 'close' })
  assert.deepEqual(Buffer.from(await repository.manifest(descriptor)), Buffer.from(bytes))
  assert.equal(registry.requests('GET manifest').length, 2)
})

test('more than 4 MiB of manifest are not read', async () => {
  await using server = await startScriptedServer(() => ({
    status: 200,
    headers: { 'content-type': OCI_MANIFEST },
    body: Buffer.alloc(5 * 1024 * 1024),
  }))
  await using repository = repositoryAt(server.host)
  const huge = { mediaType: OCI_MANIFEST, digest: digestOf('x'), size: 5 * 1024 * 1024 }
  await assert.rejects(repository.manifest(huge), { code: 'CONTENT_TOO_LARGE' })
  assert.equal(server.seen.length, 0)
  await assert.rejects(repository.manifest({ ...huge, size: 2 }), { code: 'CONTENT_TOO_LARGE' })
  await assert.rejects(repository.resolve('v1'), { code: 'CONTENT_TOO_LARGE' })
})

test('the answer’s digest must be that of the bytes', async () => {
  await using fixture = await started()
  fixture.registry.fault({ on: 'PUT manifest', then: 'wrong digest' })
  const { repository, bytes, descriptor } = fixture
  await assert.rejects(repository.pushManifest(bytes, descriptor, { tag: 'v1' }), {
    code: 'CONTENT_DIGEST_MISMATCH',
  })
})

test('a blob that the registry misses is an error that says to upload again', async () => {
  await using fixture = await started()
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: digestOf('gone'), size: 4 },
      layers: [],
    }),
  )
  await assert.rejects(fixture.repository.pushManifest(bytes, describe(bytes), { tag: 'v1' }), {
    code: 'REGISTRY_BLOB_UNKNOWN',
    retry: 'backoff',
  })
})

test('an immutable tag is an error, unless it names these bytes already', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  const body = JSON.stringify({
    errors: [{ code: 'PRECONDITION', message: "'app:v1' configured as immutable." }],
  })
  registry.fault({ on: 'PUT manifest', then: { status: 412, body }, times: Infinity })
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  const other = await imageIn(registry, { annotations: { a: 'b' } })
  await assert.rejects(repository.pushManifest(other, describe(other), { tag: 'v1' }), {
    code: 'REGISTRY_TAG_IMMUTABLE',
    message:
      /^target .*demo\/app:v1: PUT .* answered 412; PRECONDITION: 'app:v1' configured as immutable\.$/,
    retry: 'never',
  })
})

test('a policy that withholds an image is told in the registry’s words, though HEAD has none', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  const body = JSON.stringify({
    errors: [{ code: 'PROJECTPOLICYVIOLATION', message: 'The image is not signed by cosign.' }],
  })
  registry.fault({
    on: ['HEAD manifest', 'GET manifest'],
    then: { status: 412, body },
    times: Infinity,
  })
  await assert.rejects(repository.resolve('v1'), {
    code: 'REGISTRY_POLICY',
    message: /not signed by cosign/,
    retry: 'backoff',
  })
})

test('a subject that the registry understands needs nothing more', async () => {
  await using fixture = await started()
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  const referrer = await imageIn(registry, { subject: descriptor })
  await repository.pushManifest(referrer, describe(referrer), {
    tag: 'v1-esgz',
    subject: descriptor.digest,
  })
  assert.deepEqual(registry.requests('GET referrers'), [])
  assert.deepEqual(registry.tags('demo/app'), ['v1', 'v1-esgz'])
})

test('a registry with the API that does not say OCI-Subject gets no list', async () => {
  await using server = await startScriptedServer((request): ScriptedAnswer =>
    request.method === 'PUT' ? { status: 201 } : { status: 200, body: '{}' },
  )
  await using repository = repositoryAt(server.host)
  const bytes = Buffer.from('{}')
  const subject = digestOf('subject')
  await repository.pushManifest(bytes, describe(bytes), { tag: 'x', subject })
  assert.deepEqual(server.lines(), [
    'PUT /v2/demo/app/manifests/x',
    `GET /v2/demo/app/referrers/${subject}`,
  ])
})

/** The list of referrers under its tag. */
function listOf(registry: TestRegistry, subject: Descriptor) {
  const stored = registry.manifest('demo/app', `sha256-${hexOf(subject.digest)}`)
  assert.ok(stored)
  return JSON.parse(Buffer.from(stored.bytes).toString()) as {
    mediaType: string
    manifests: (Descriptor & { artifactType?: string })[]
    annotations?: unknown
  }
}

test('without the referrers API the list under the tag gets the entry, and keeps those of others', async () => {
  await using fixture = await started({ referrers: false })
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  const annotations = { driver: 'estargz' }
  const first = await imageIn(registry, { subject: descriptor, annotations })
  await repository.pushManifest(first, describe(first), {
    tag: 'v1-esgz',
    subject: descriptor.digest,
  })
  assert.deepEqual(listOf(registry, descriptor), {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [{ ...describe(first), artifactType: OCI_CONFIG, annotations }],
  })
  const second = await imageIn(registry, { subject: descriptor, artifactType: 'application/x' })
  await repository.pushManifest(second, describe(second), { subject: descriptor.digest })
  await repository.pushManifest(second, describe(second), { subject: descriptor.digest })
  assert.deepEqual(
    listOf(registry, descriptor).manifests.map((m) => [m.digest, m.artifactType]),
    [
      [digestOf(first), OCI_CONFIG],
      [digestOf(second), 'application/x'],
    ],
  )
})

test('writers of one list in this process lose no entry', async () => {
  await using fixture = await started({ referrers: false })
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (name) => {
      const referrer = await imageIn(registry, { subject: descriptor, annotations: { name } })
      await repository.pushManifest(referrer, describe(referrer), { subject: descriptor.digest })
    }),
  )
  assert.equal(listOf(registry, descriptor).manifests.length, 4)
})

test('an entry that another client overwrote is written once more, then given up', async () => {
  for (const [overwritten, fails] of [
    [1, false],
    [2, true],
  ] as const) {
    const subject = digestOf('subject')
    let list: Buffer | undefined
    let writes = 0
    await using server = await startScriptedServer((request): ScriptedAnswer => {
      if (request.path.includes('/referrers/')) return { status: 404 }
      if (!request.path.endsWith(`/manifests/sha256-${hexOf(subject)}`)) return { status: 201 }
      if (request.method === 'PUT') {
        writes++
        // The other client read before we wrote, and writes after.
        list =
          writes <= overwritten ? Buffer.from('{"manifests":[{"digest":"theirs"}]}') : request.body
        return { status: 201 }
      }
      return list === undefined
        ? { status: 404 }
        : { status: 200, headers: { 'content-type': OCI_INDEX }, body: list }
    })
    await using repository = repositoryAt(server.host)
    const bytes = Buffer.from('{}')
    const pushed = repository.pushManifest(bytes, describe(bytes), { tag: 'x', subject })
    if (fails) await assert.rejects(pushed, { code: 'REGISTRY_REFERRERS_CONFLICT' })
    else {
      await pushed
      assert.deepEqual(
        (JSON.parse(String(list)) as { manifests: { digest: string }[] }).manifests.map(
          (m) => m.digest,
        ),
        ['theirs', digestOf(bytes)],
      )
    }
    assert.equal(writes, 2)
  }
})

test('what stands under the list’s tag and is no list is not overwritten', async () => {
  await using fixture = await started({ referrers: false })
  const { registry, repository, bytes, descriptor } = fixture
  const tag = `sha256-${hexOf(descriptor.digest)}`
  await repository.pushManifest(bytes, descriptor, { tag })
  const referrer = await imageIn(registry, { subject: descriptor })
  await assert.rejects(
    repository.pushManifest(referrer, describe(referrer), { subject: descriptor.digest }),
    {
      code: 'IMAGE_MANIFEST_INVALID',
    },
  )
  assert.equal((await repository.find(tag))?.digest, descriptor.digest)
})

test('a list of docker’s type is kept as an OCI index', async () => {
  await using fixture = await started({ referrers: false })
  const { registry, repository, bytes, descriptor } = fixture
  await repository.pushManifest(bytes, descriptor, { tag: 'v1' })
  const old = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: DOCKER_LIST,
      manifests: [descriptor],
      annotations: { a: 'b' },
    }),
  )
  await repository.pushManifest(old, describe(old, DOCKER_LIST), {
    tag: `sha256-${hexOf(descriptor.digest)}`,
  })
  const referrer = await imageIn(registry, { subject: descriptor })
  await repository.pushManifest(referrer, describe(referrer), { subject: descriptor.digest })
  const list = listOf(registry, descriptor)
  assert.deepEqual(
    [list.mediaType, list.manifests.length, list.annotations],
    [OCI_INDEX, 2, { a: 'b' }],
  )
})
