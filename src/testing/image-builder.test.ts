import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { digestOf } from '../oci/digest.ts'
import { DOCKER_LAYER_GZIP, DOCKER_LIST, OCI_LAYER_ZSTD } from '../oci/media-type.ts'
import { collect } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import {
  buildAttestation,
  buildCosignSignature,
  buildHelmChart,
  buildImage,
  buildIndex,
  buildLargeLayer,
  buildLayer,
  cosignTag,
  pushBuilt,
  type BuiltBlob,
} from './image-builder.ts'
import { startTestRegistry } from './registry/test-registry.ts'
import { testTar } from './tar-builder.ts'

const tar = testTar().file('a', 'content of a file').bytes()

async function bytesOf(blob: BuiltBlob, offset?: number): Promise<Uint8Array> {
  return collect(blob.open(offset), Infinity, () => new Error('unreachable'))
}

test('layers say what they are', async () => {
  const gzip = buildLayer(tar, { members: 3, docker: true })
  assert.equal(gzip.descriptor.mediaType, DOCKER_LAYER_GZIP)
  const bytes = await bytesOf(gzip)
  assert.equal(gzip.descriptor.digest, digestOf(bytes))
  assert.deepEqual(gunzipSync(bytes), tar)
  assert.equal(Buffer.from(bytes).toString('latin1').split('\u001f\u008b\u0008').length, 4)
  assert.deepEqual(await bytesOf(gzip, 10), bytes.subarray(10))
  assert.equal(gzip.diffId, digestOf(tar))
  const zstd = buildLayer(tar, { compression: 'zstd' })
  assert.equal(zstd.descriptor.mediaType, OCI_LAYER_ZSTD)
  assert.deepEqual(zstdDecompressSync(await bytesOf(zstd)), tar)
  assert.deepEqual(await bytesOf(buildLayer(tar, { compression: 'none' })), tar)
})

test('a large layer is the same at each reading, from any offset', async () => {
  const size = 5 * 1024 * 1024 + 512
  const layer = buildLargeLayer(size)
  const bytes = await bytesOf(layer)
  assert.equal(bytes.length, size)
  assert.equal(digestOf(bytes), layer.descriptor.digest)
  assert.deepEqual(await bytesOf(layer, 3_333_333), bytes.subarray(3_333_333))
})

test('an index is pushed with all that it names', async () => {
  await using registry = await startTestRegistry()
  const target = registry.repository('demo/app')
  const amd64 = buildImage({ layers: [buildLayer(tar)] })
  const arm64 = buildImage({
    layers: [buildLayer(tar, { compression: 'zstd' })],
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  })
  const nested = buildIndex([arm64])
  const index = buildIndex([amd64, nested, buildAttestation(amd64)])
  const pushed = await pushBuilt(index, target, { tag: 'latest' })
  assert.deepEqual(await target.find('latest'), pushed)
  assert.deepEqual(await target.find(arm64.descriptor.digest), {
    mediaType: arm64.descriptor.mediaType,
    digest: arm64.descriptor.digest,
    size: arm64.descriptor.size,
  })
  const json = JSON.parse(Buffer.from(await target.manifest(pushed)).toString()) as {
    manifests: { platform?: { os: string }; annotations?: Record<string, string> }[]
  }
  assert.deepEqual(
    json.manifests.map((child) => child.platform?.os),
    ['linux', undefined, 'unknown'],
  )
  assert.equal(
    json.manifests[2]!.annotations!['vnd.docker.reference.digest'],
    amd64.descriptor.digest,
  )
  for (const { descriptor } of [...amd64.blobs, ...arm64.blobs]) {
    const read = verified(target.blob(descriptor), descriptor, 'blob')
    assert.equal((await collect(read, Infinity, () => new Error())).length, descriptor.size)
  }
})

test('artifacts are no images, and signatures are found', async () => {
  await using registry = await startTestRegistry()
  const target = registry.repository('demo/app')
  const image = buildIndex([buildImage({ layers: [], docker: true })], { docker: true })
  assert.equal(image.descriptor.mediaType, DOCKER_LIST)
  await pushBuilt(image, target, { tag: 'app' })
  await pushBuilt(buildHelmChart(), target, { tag: 'chart' })
  await pushBuilt(buildCosignSignature(image), target, { tag: cosignTag(image) })
  await pushBuilt(buildCosignSignature(image, { subject: true }), target)
  assert.deepEqual(registry.tags('demo/app'), ['app', 'chart', cosignTag(image)])
  const response = await fetch(`${registry.url}/v2/demo/app/referrers/${image.descriptor.digest}`)
  const { manifests } = (await response.json()) as { manifests: { artifactType: string }[] }
  assert.deepEqual(
    manifests.map((manifest) => manifest.artifactType),
    ['application/vnd.dev.cosign.artifact.sig.v1+json'],
  )
})
