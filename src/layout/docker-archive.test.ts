import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf, hexOf, type Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_LAYER_TAR, OCI_MANIFEST } from '../oci/media-type.ts'
import { collect } from '../streams/byte-source.ts'
import { testTar, type TarBuilder } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { openLayoutSource } from './location.ts'

const base = Buffer.from(testTar().file('etc/base', 'base').bytes())
const app = Buffer.from(testTar().file('app', 'app').bytes())

function configOf(...layers: Uint8Array[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
    }),
  )
}

async function open(t: TestContext, tar: TarBuilder): Promise<ImageSource> {
  const path = join(await temporaryDirectory(t), 'a.tar')
  await writeFile(path, tar.bytes())
  return (await openLayoutSource(`docker-archive:${path}`)).source
}

/** Reads the image of that name: the layers' types and bytes. */
async function layersOf(source: ImageSource, reference?: string) {
  const descriptor = await source.resolve(reference)
  assert.equal(descriptor.mediaType, OCI_MANIFEST)
  const bytes = await source.manifest(descriptor)
  assert.equal(digestOf(bytes), descriptor.digest)
  assert.deepEqual(await source.resolve(descriptor.digest), descriptor)
  const { config, layers } = parseManifest(bytes, 'image')
  assert.equal(config.mediaType, OCI_CONFIG)
  const read = async ({ digest, size }: { digest: Digest; size: number }) =>
    Buffer.from(
      await collect(
        source.blob({ mediaType: '', digest, size }),
        size,
        () => new Error('too long'),
      ),
    )
  return {
    config: await read(config),
    layers: await Promise.all(
      layers.map(async (layer) => ({ mediaType: layer.mediaType, bytes: await read(layer) })),
    ),
  }
}

test('the form with a directory for each layer, where equal layers are links', async (t) => {
  const config = configOf(base, app, base)
  const name = `${hexOf(digestOf(config))}.json`
  const tar = testTar()
    .directory('l1/')
    .file('l1/VERSION', '1.0')
    .file('l1/json', '{}')
    .file('l1/layer.tar', base)
    .file('l2/layer.tar', app)
    .symlink('l3/layer.tar', '../l1/layer.tar')
    .file(name, config)
    .file(
      'manifest.json',
      JSON.stringify([
        {
          Config: name,
          RepoTags: ['nginx:latest', 'localhost:5000/x/y:1'],
          Layers: ['l1/layer.tar', 'l2/layer.tar', 'l3/layer.tar'],
        },
      ]),
    )
    .file('repositories', '{}')
  const source = await open(t, tar)
  const expected = {
    config,
    layers: [base, app, base].map((bytes) => ({ mediaType: OCI_LAYER_TAR, bytes })),
  }
  const names = [undefined, 'nginx', 'docker.io/library/nginx:latest', 'localhost:5000/x/y:1']
  for (const reference of names) assert.deepEqual(await layersOf(source, reference), expected)
  await assert.rejects(source.resolve('nginx:1'), { code: 'CONTENT_NOT_FOUND' })
  await assert.rejects(source.resolve(digestOf('x')), { code: 'CONTENT_NOT_FOUND' })
})

test('the form with blobs, compressed or not', async (t) => {
  const config = configOf(base, app)
  const zipped = gzipSync(app)
  const blob = (bytes: Uint8Array) => `blobs/sha256/${hexOf(digestOf(bytes))}`
  const layers = [blob(base), blob(zipped)]
  const tar = testTar()
    .file(blob(base), base)
    .file(blob(zipped), zipped)
    .file(blob(config), config)
    .file(
      'manifest.json',
      JSON.stringify([{ Config: blob(config), RepoTags: null, Layers: layers }]),
    )
  assert.deepEqual(await layersOf(await open(t, tar)), {
    config,
    layers: [
      { mediaType: OCI_LAYER_TAR, bytes: base },
      { mediaType: OCI_LAYER_GZIP, bytes: zipped },
    ],
  })
})

test('a compressed layer without a digest in its name is known by its bytes', async (t) => {
  const config = configOf(app)
  const zipped = gzipSync(app)
  const list = [{ Config: 'c.json', RepoTags: [], Layers: ['l.tar'] }]
  const tar = testTar()
    .file('manifest.json', JSON.stringify(list))
    .file('c.json', config)
    .file('l.tar', zipped)
  const { layers } = await layersOf(await open(t, tar))
  assert.deepEqual(layers, [{ mediaType: OCI_LAYER_GZIP, bytes: zipped }])
})

test('of several images one is named, or is the latest', async (t) => {
  const [one, two] = [configOf(base), configOf(app)]
  const list = [
    { Config: 'one', RepoTags: ['demo/one:1'], Layers: ['base'] },
    { Config: 'two', RepoTags: ['demo/two:2'], Layers: ['app'] },
  ]
  const archive = () =>
    testTar().file('one', one).file('two', two).file('base', base).file('app', app)
  const source = await open(t, archive().file('manifest.json', JSON.stringify(list)))
  assert.deepEqual((await layersOf(source, 'demo/two:2')).config, two)
  await assert.rejects(source.resolve(undefined), {
    code: 'LAYOUT_TAG_NEEDED',
    context: { location: source.name, tags: ['demo/one:1', 'demo/two:2'] },
  })
  list[0]!.RepoTags.push('demo/one:latest')
  const latest = await open(t, archive().file('manifest.json', JSON.stringify(list)))
  assert.deepEqual((await layersOf(latest)).config, one)
})

test('a layer that the config does not know by its diffId is refused when it is read', async (t) => {
  const list = [{ Config: 'c', RepoTags: [], Layers: ['l'] }]
  const tar = testTar().file('c', configOf(base)).file('l', app)
  const source = await open(t, tar.file('manifest.json', JSON.stringify(list)))
  assert.equal(app.length, base.length)
  await assert.rejects(layersOf(source), { code: 'CONTENT_DIGEST_MISMATCH' })
})

const good = [{ Config: 'c', RepoTags: ['x:1'], Layers: ['l'] }]
const refused: [string, TarBuilder, string][] = [
  ['no list', testTar().file('c', configOf(app)), 'LAYOUT_INVALID'],
  ['a list that is not JSON', testTar().file('manifest.json', '['), 'LAYOUT_INVALID'],
  ['a list that is an object', testTar().file('manifest.json', '{}'), 'LAYOUT_INVALID'],
  [
    'an image without layers',
    testTar().file('manifest.json', '[{"Config":"c"}]'),
    'LAYOUT_INVALID',
  ],
  ['no image', testTar().file('manifest.json', '[]'), 'CONTENT_NOT_FOUND'],
  ['no config', testTar().file('manifest.json', JSON.stringify(good)), 'CONTENT_NOT_FOUND'],
  [
    'no layer',
    testTar().file('manifest.json', JSON.stringify(good)).file('c', configOf(app)),
    'CONTENT_NOT_FOUND',
  ],
  [
    'another number of layers than its config',
    testTar()
      .file('manifest.json', JSON.stringify(good))
      .file('c', configOf(app, base))
      .file('l', app),
    'LAYOUT_INVALID',
  ],
  [
    'a config that is none',
    testTar().file('manifest.json', JSON.stringify(good)).file('c', '{}').file('l', app),
    'IMAGE_MANIFEST_INVALID',
  ],
]
for (const [what, tar, code] of refused) {
  test(`an archive with ${what} is refused`, async (t) => {
    const source = await open(t, tar)
    await assert.rejects(source.resolve(undefined), { code })
  })
}
