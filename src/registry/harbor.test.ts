import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '../oci/media-type.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testTls } from '../testing/registry/tls.ts'
import { createRegistryClient, type RegistryClientInit } from './client.ts'
import type { RegistryRepository } from './repository.ts'

const account = { username: 'robot$demo+acceld', password: 'pa:ss:word' }
const layer = randomBytes(500_000)
const config = Buffer.from('{}')

interface Fixture extends AsyncDisposable {
  registry: TestRegistry
  at(repository: string): RegistryRepository
}

async function harbor(
  init: TestRegistryInit = {},
  client: Partial<RegistryClientInit> = {},
): Promise<Fixture> {
  const registry = await startTestRegistry({
    harbor: {
      projects: ['demo', 'library', 'other'],
      publicProjects: ['library'],
      wrongScheme: true,
    },
    ...init,
    auth: {
      kind: 'bearer',
      users: {
        [account.username]: {
          secret: account.password,
          pull: ['demo/', 'library/'],
          push: ['demo/'],
        },
      },
      ...init.auth,
    },
  })
  const registries = createRegistryClient(
    { clock: createFakeClock() },
    { hosts: () => ({ credentials: account }), ...client },
  )
  return {
    registry,
    at: (repository) => registries.repository({ host: registry.host, repository }),
    async [Symbol.asyncDispose]() {
      await registries.close()
      await registry.close()
    },
  }
}

function blob(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

/** Pushes an image in the way a conversion does, and returns its descriptor. */
async function pushImage(
  to: RegistryRepository,
  tag: string,
  more: object = {},
): Promise<Descriptor> {
  const layers = [blob(layer, OCI_LAYER_GZIP)]
  await to.pushBlob(blob(layer, OCI_LAYER_GZIP), (offset) => bytesFrom(layer.subarray(offset)))
  await to.pushBlob(blob(config, OCI_CONFIG), (offset) => bytesFrom(config.subarray(offset)))
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: blob(config, OCI_CONFIG),
    layers,
    ...more,
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const { subject } = more as { subject?: Descriptor }
  await to.pushManifest(bytes, blob(bytes, OCI_MANIFEST), {
    tag,
    ...(subject === undefined ? {} : { subject: subject.digest }),
  })
  return blob(bytes, OCI_MANIFEST)
}

async function readBlob(from: RegistryRepository, descriptor: Descriptor): Promise<number> {
  let size = 0
  for await (const chunk of from.blob(descriptor)) size += chunk.length
  return size
}

test('an image goes into Harbor with one token, and out of it with another', async () => {
  await using fixture = await harbor()
  const { registry, at } = fixture
  const pushed = await pushImage(at('demo/app'), 'v1')
  assert.equal(registry.requests('GET token').length, 1)
  assert.deepEqual(await at('demo/app').resolve('v1'), pushed)
  assert.equal(await readBlob(at('demo/app'), blob(layer, OCI_LAYER_GZIP)), layer.length)
  assert.equal(registry.requests('GET token').length, 2)
})

test('tokens that end in the middle of a push are renewed', async () => {
  for (const upload of [{}, { monolithicLimit: 0, chunkSize: 120_000 }]) {
    await using fixture = await harbor(
      {
        auth: {
          kind: 'bearer',
          users: { [account.username]: account.password },
          requestsPerToken: 2,
        },
      },
      { upload },
    )
    const pushed = await pushImage(fixture.at('demo/app'), 'v1')
    assert.equal((await fixture.at('demo/app').resolve('v1')).digest, pushed.digest)
    assert.ok(fixture.registry.requests('GET token').length > 2)
  }
})

test('a blob that may not be mounted is uploaded; one that may is mounted', async () => {
  await using fixture = await harbor()
  const { registry, at } = fixture
  for (const repository of ['other/base', 'library/base']) {
    await registry.repository(repository).putBlob(layer, OCI_LAYER_GZIP)
  }
  const push = (mountFrom: string[], repository: string) =>
    at(repository).pushBlob(
      blob(layer, OCI_LAYER_GZIP),
      (offset) => bytesFrom(layer.subarray(offset)),
      { mountFrom },
    )
  assert.equal(await push(['other/base'], 'demo/a'), 'uploaded')
  assert.equal(await push(['base'], 'demo/b'), 'uploaded')
  assert.equal(await push(['library/base'], 'demo/c'), 'mounted')
})

test('a project that is unknown, or not ours, and a wrong password are told as such', async () => {
  await using fixture = await harbor()
  for (const [repository, problem] of [
    ['nope/app', /permission here, is not sufficient/],
    ['other/app', /permission here, is not sufficient/],
  ] as const) {
    await assert.rejects(fixture.at(repository).resolve('v1'), (error) => {
      assert.ok(isAccelError(error, 'REGISTRY_AUTH'))
      assert.match(error.message, problem)
      return true
    })
  }
  const { registry } = fixture
  const wrong = createRegistryClient(
    {},
    { hosts: () => ({ credentials: { ...account, password: 'wrong' } }) },
  )
  await assert.rejects(wrong.check(registry.host), { code: 'REGISTRY_AUTH' })
  await assert.rejects(
    wrong.repository({ host: registry.host, repository: 'demo/app' }).resolve('v1'),
    { code: 'REGISTRY_AUTH' },
  )
  await wrong.close()
})

test('a subject links the result with its source, without a list under a tag', async () => {
  await using fixture = await harbor()
  const source = await pushImage(fixture.at('demo/app'), 'v1')
  await pushImage(fixture.at('demo/app'), 'v1-esgz', { subject: source })
  assert.deepEqual(fixture.registry.tags('demo/app'), ['v1', 'v1-esgz'])
})

test('a registry with Basic, TLS and storage elsewhere serves the same', async () => {
  const tls = await testTls()
  const auth = { kind: 'basic' as const, users: { [account.username]: account.password } }
  await using registry = await startTestRegistry({
    tls,
    auth,
    redirectBlobs: true,
    referrers: false,
  })
  const client = createRegistryClient({}, { hosts: () => ({ ca: tls.ca, credentials: account }) })
  const repository = client.repository({ host: registry.host, repository: 'demo/app' })
  const source = await pushImage(repository, 'v1')
  await pushImage(repository, 'v1-esgz', { subject: source })
  assert.equal(await readBlob(repository, blob(layer, OCI_LAYER_GZIP)), layer.length)
  assert.deepEqual(
    registry.requests('GET redirected blob').map((r) => r.authorized),
    [false],
  )
  assert.deepEqual(registry.tags('demo/app'), [`sha256-${source.digest.slice(7)}`, 'v1', 'v1-esgz'])
  // Once Basic is known, no request goes without it.
  assert.equal(registry.requests({ authorized: false, kind: 'HEAD blob' }).length, 1)
  await client.close()
})
