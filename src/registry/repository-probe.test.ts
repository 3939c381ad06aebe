/** Probes of a repository, against registries that answer in every way that is known. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import {
  buildCosignSignature,
  buildImage,
  buildLayer,
  pushBuilt,
} from '../testing/image-builder.ts'
import type { Fault } from '../testing/registry/fault.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { createRegistryClient } from './client.ts'
import type { RepositoryProbe } from './repository-probe.ts'

const image = buildImage({ layers: [buildLayer(testTar().file('f', 'x').bytes())] })
const layer = image.blobs[1]!.descriptor

async function probing(
  init: TestRegistryInit,
  work: (probe: RepositoryProbe, registry: TestRegistry) => Promise<void>,
): Promise<void> {
  await using registry = await startTestRegistry(init)
  await pushBuilt(image, registry.repository('demo/app'), { tag: 'v1' })
  const client = createRegistryClient({}, { hosts: () => ({}), retry: { attempts: 1 } })
  try {
    await work(client.probe({ host: registry.host, repository: 'demo/app' }), registry)
  } finally {
    await client.close()
  }
}

const ranges: [string, Fault['then'] | undefined, string | undefined][] = [
  ['as it should be', undefined, undefined],
  ['with the whole blob', 'ignore range', 'it answers 200 with the whole blob'],
  [
    'with another part',
    { status: 206, headers: { 'content-range': 'bytes 0-15/99' }, body: 'x'.repeat(16) },
    'it answers 206 with Content-Range bytes 0-15/99',
  ],
  [
    'without saying which part',
    { status: 206, body: 'x'.repeat(16) },
    'it answers 206 with Content-Range missing',
  ],
  [
    'with too little',
    {
      status: 206,
      headers: { 'content-range': `bytes ${layer.size - 16}-${layer.size - 1}/${layer.size}` },
      body: 'x',
    },
    'it answers 206 with 1 bytes, not 16',
  ],
]
for (const [name, then, problem] of ranges) {
  test(`a part of a layer is answered ${name}`, () =>
    probing(then === undefined ? {} : { faults: [{ on: 'GET blob', then }] }, async (probe) => {
      const expected = problem === undefined ? { partial: true } : { partial: false, problem }
      assert.deepEqual(await probe.range(layer), expected)
    }))
}

test('a part of a layer that is not there, and one whose answer breaks off', () =>
  probing({ faults: [{ on: 'GET blob', then: 'close', afterBytes: 4 }] }, async (probe) => {
    await assert.rejects(probe.range(layer), { code: 'REGISTRY_UNREACHABLE' })
    const missing = { ...layer, digest: digestOf('missing') }
    await assert.rejects(probe.range(missing), { code: 'CONTENT_NOT_FOUND' })
  }))

test('referrers come from the API, or from the tag that stands in for it', async () => {
  for (const referrers of [true, false]) {
    await probing({ referrers }, async (probe, registry) => {
      const signature = buildCosignSignature(image, { subject: true })
      const client = createRegistryClient({}, { hosts: () => ({}) })
      const at = client.repository({ host: registry.host, repository: 'demo/app' })
      await pushBuilt(signature, at)
      await client.close()
      const { by, list } = await probe.referrers(image.descriptor.digest)
      assert.equal(by, referrers ? 'api' : 'tag')
      assert.deepEqual(
        list.map(({ digest, artifactType }) => [digest, artifactType]),
        [[signature.descriptor.digest, 'application/vnd.dev.cosign.artifact.sig.v1+json']],
      )
    })
  }
})

const lenient: [string, string][] = [
  ['an object without a list, as of Harbor 2.8', '{}'],
  ['a list that is null', '{"manifests":null}'],
  ['what is no JSON', '<html>'],
  ['entries that are none', '{"manifests":[null,1,{"digest":"x"},{"mediaType":"y"}]}'],
]
for (const [name, body] of lenient) {
  test(`${name} has no referrers`, () =>
    probing({ faults: [{ on: 'GET referrers', then: { status: 200, body } }] }, async (probe) => {
      const found = await probe.referrers(image.descriptor.digest)
      assert.deepEqual(found, { by: 'api', list: [] })
    }))
}

test('an upload is taken back, and a registry that does not listen is no failure', () =>
  probing({ faults: [{ on: 'DELETE upload', then: 'reset' }] }, async (probe, registry) => {
    assert.deepEqual(await probe.upload(), { cancelled: false })
    assert.deepEqual(await probe.upload(), { cancelled: true })
    assert.equal(registry.openUploads(), 1)
  }))

test('who we are is looked up when it is asked for, and not to see whether a registry answers', async () => {
  await using registry = await startTestRegistry()
  let lookups = 0
  const credentials = () => {
    lookups += 1
    return Promise.resolve({ username: 'alice', password: 'secret' })
  }
  const client = createRegistryClient({}, { hosts: () => ({ credentials }) })
  const greeting = await client.check(registry.host)
  assert.deepEqual([greeting.login, greeting.secure, lookups], ['none', false, 0])
  assert.equal(await greeting.account(), 'alice')
  await client.close()
})

test('an identity token has no name of its own', async () => {
  await using registry = await startTestRegistry()
  const credentials = { identityToken: 'token' }
  const client = createRegistryClient({}, { hosts: () => ({ credentials }) })
  const greeting = await client.check(registry.host)
  assert.equal(await greeting.account(), 'of the identity token')
  await client.close()
})
