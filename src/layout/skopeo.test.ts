import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseManifest } from '../oci/manifest.ts'
import { collect } from '../streams/byte-source.ts'
import { buildImage, buildIndex, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { needsSkopeo, skopeo } from '../testing/skopeo.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { openLayoutSource, openLayoutTarget } from './location.ts'

const tars = [
  testTar().directory('etc/').file('etc/a', 'a'.repeat(10_000)).bytes(),
  testTar().file('b', 'b').bytes(),
]
const layers = tars.map((tar) => buildLayer(tar))
const amd64 = buildImage({ layers })
const arm64 = buildImage({ layers, platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([amd64, arm64])

async function readBlobs(source: ImageSource, image: Descriptor): Promise<Descriptor[]> {
  const { config, layers: blobs } = parseManifest(await source.manifest(image), 'image')
  for (const blob of [config, ...blobs]) {
    await collect(source.blob(blob), blob.size, () => new Error('too long'))
  }
  return blobs
}

for (const kind of ['oci', 'oci-archive'] as const) {
  test(`skopeo reads the ${kind} that is written here`, needsSkopeo(), async (t) => {
    const place = `${kind}:${join(await temporaryDirectory(t), 'layout')}`
    await using opened = await openLayoutTarget(place)
    await pushBuilt(amd64, opened.target, { tag: 'other' })
    await pushBuilt(index, opened.target, { tag: 'v1' })
    await using registry = await startTestRegistry()
    const target = `docker://${registry.host}/demo/app:v1`
    await skopeo('copy', '--all', '--dest-tls-verify=false', `${place}:v1`, target)
    assert.equal(registry.manifest('demo/app', 'v1')?.digest, index.descriptor.digest)
    await skopeo('copy', '--dest-tls-verify=false', `${place}:other`, target)
    assert.equal(registry.manifest('demo/app', 'v1')?.digest, amd64.descriptor.digest)
  })

  test(`the ${kind} that skopeo writes is read`, needsSkopeo(), async (t) => {
    const place = `${kind}:${join(await temporaryDirectory(t), 'layout')}`
    await using registry = await startTestRegistry()
    await pushBuilt(index, registry.repository('demo/app'), { tag: 'v1' })
    const origin = `docker://${registry.host}/demo/app:v1`
    await skopeo('copy', '--all', '--src-tls-verify=false', origin, `${place}:v1`)
    const { source } = await openLayoutSource(place)
    for (const tag of ['v1', undefined]) {
      assert.equal((await source.resolve(tag)).digest, index.descriptor.digest)
    }
    for (const image of [amd64, arm64]) {
      const blobs = await readBlobs(source, await source.resolve(image.descriptor.digest))
      assert.deepEqual(
        blobs.map((blob) => blob.digest),
        layers.map((layer) => layer.descriptor.digest),
      )
    }
    // And it is gone on with.
    await using opened = await openLayoutTarget(place)
    await pushBuilt(arm64, opened.target, { tag: 'v2' })
    const again = (await openLayoutSource(place)).source
    assert.equal((await again.resolve('v1')).digest, index.descriptor.digest)
    assert.equal((await readBlobs(again, await again.resolve('v2'))).length, 2)
  })
}

test('the docker-archive that skopeo writes is read', needsSkopeo(), async (t) => {
  const place = `docker-archive:${join(await temporaryDirectory(t), 'a.tar')}`
  await using registry = await startTestRegistry()
  await pushBuilt(amd64, registry.repository('demo/app'), { tag: 'v1' })
  const origin = `docker://${registry.host}/demo/app:v1`
  await skopeo('copy', '--src-tls-verify=false', origin, `${place}:demo/app:v1`)
  const { source, tag } = await openLayoutSource(`${place}:demo/app:v1`)
  assert.equal(tag, 'demo/app:v1')
  const found = await source.resolve(tag)
  assert.deepEqual(await source.resolve(undefined), found)
  const blobs = await readBlobs(source, found)
  assert.deepEqual(
    blobs.map((blob) => blob.digest),
    layers.map((layer) => layer.diffId),
  )
  // skopeo makes a manifest with the same config of the archive, and finds ours in a layout.
  const raw = await skopeo('inspect', '--raw', `${place}:demo/app:v1`)
  const bytes = await source.manifest(found)
  const { config } = parseManifest(bytes, 'ours')
  assert.equal(config.digest, parseManifest(Buffer.from(raw), 'theirs').config.digest)
  const layout = `oci:${join(await temporaryDirectory(t), 'layout')}:v1`
  const { target } = await openLayoutTarget(layout)
  for (const blob of [config, ...blobs]) await target.pushBlob(blob, () => source.blob(blob))
  await target.pushManifest(bytes, found, { tag: 'v1' })
  assert.equal(await skopeo('inspect', '--raw', layout), Buffer.from(bytes).toString())
})
