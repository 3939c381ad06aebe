import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parseConfig } from '../../src/config/load.ts'
import type { ConversionReport } from '../../src/convert/report.ts'
import { openConversionService } from '../../src/convert/service.ts'
import { BlobFeature, hasFeature } from '../../src/formats/nydus-blob/feature.ts'
import { digestOf, hexOf } from '../../src/oci/digest.ts'
import { parseIndex, parseManifest } from '../../src/oci/manifest.ts'
import {
  buildAttestation,
  buildImage,
  buildIndex,
  buildLayer,
  pushBuilt,
  type BuiltImage,
} from '../../src/testing/image-builder.ts'
import { blobIdsOf, readNydus, type NydusImage } from '../../src/testing/read-nydus.ts'
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

/** Whole Nydus images, from one registry to the same, read back as nydusd reads them. */

const scratch = await mkdtemp(join(tmpdir(), 'nydus-'))
after(() => rm(scratch, { recursive: true, force: true }))

/** Content of several chunks of 4 KiB, the first two equal, which compresses. */
const large = Buffer.concat([
  Buffer.alloc(4096, 'same '),
  Buffer.alloc(4096, 'same '),
  Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i) % 251)),
])

const lower = buildLayer(
  testTar()
    .directory('etc/', { mode: 0o700, uid: 5, gid: 6, mtime: 7 })
    .file('etc/passwd', 'root', { mode: 0o640, mtime: 1_700_000_000.75 })
    .hardlink('etc/again', 'etc/passwd')
    .file('etc/gone', 'gone')
    .file('bin/large', large, { xattrs: { 'user.a': 'b', 'security.capability': 'cap' } })
    .file('bin/copy', large)
    .symlink('bin/link', '../etc/passwd')
    .character('dev/null', 1, 3)
    .directory('opaque/')
    .file('opaque/old', 'old')
    .bytes(),
)
const upper = buildLayer(
  testTar()
    .whiteout('etc/gone')
    .hardlink('bin/passwd', 'etc/passwd')
    .file('etc/new', 'new', { xattrs: { 'com.apple.provenance': 'x', 'user.kept': 'y' } })
    .opaque('opaque')
    .file('opaque/fresh', 'fresh')
    .bytes(),
)
const image = buildImage({
  layers: [lower, upper],
  annotations: { 'from.the': 'source' },
  config: { config: { Cmd: ['sh'] }, history: [{ created_by: 'a' }, { created_by: 'b' }] },
})

/** What all of the variants hold. */
const contents: Record<string, string> = {
  '/bin/copy': large.toString('latin1'),
  '/bin/large': large.toString('latin1'),
  '/bin/passwd': 'root',
  '/etc/again': 'root',
  '/etc/new': 'new',
  '/etc/passwd': 'root',
  '/opaque/fresh': 'fresh',
}

const registry = await startTestRegistry()
after(() => registry.close())
await pushBuilt(image, registry.repository('app'), { tag: 'v1' })

async function convert(
  options: Record<string, string>,
  source: string,
  target: string,
): Promise<ConversionReport> {
  const { config } = parseConfig(
    JSON.stringify({
      provider: { source: { [registry.host]: {} }, work_dir: scratch },
      converter: {
        driver: {
          type: 'nydus',
          config: { fs_chunk_size: '0x1000', with_referrer: 'true', ...options },
        },
        rules: [{ tag_suffix: '-nydus' }],
      },
    }),
    'test',
  )
  await using service = await openConversionService(config, {}, { environment: {} })
  return await service.convert(
    { source: `${registry.host}/${source}`, target: `${registry.host}/${target}` },
    { signal: new AbortController().signal, onEvent: () => {} },
  )
}

function read(repository: string, reference: string): Promise<NydusImage> {
  const { bytes } = registry.manifest(repository, reference)!
  return readNydus(bytes, (digest) => registry.blob(repository, digest))
}

suite('Nydus images', () => {
  const variants: [string, Record<string, string>][] = [
    ['v6-zstd', {}],
    ['v6-lz4', { compressor: 'lz4_block' }],
    ['v6-none', { compressor: 'none' }],
    ['v6-batch', { batch_size: '0x1000' }],
    ['v5-zstd', { fs_version: '5' }],
    ['v5-aligned', { rafs_version: '5', rafs_compressor: 'none', fs_align_chunk: 'true' }],
  ]
  for (const [name, options] of variants) {
    test(`${name}: every file is read back, whiteouts and links applied`, async () => {
      const report = await convert(options, 'app:v1', `app:${name}`)
      // Each path was compared with the source before the push.
      assert.ok((report.verifiedPaths ?? 0) > 12, `${report.verifiedPaths}`)
      const made = await read('app', name)
      assert.deepEqual(Object.fromEntries(made.contents), contents)
      assert.equal(made.version, name.startsWith('v5') ? 5 : 6)
      const file = (path: string) => made.files.get(path)!
      assert.equal(file('/etc').mode, '40700')
      assert.equal(file('/etc').uid, 5)
      // One file of three names: two of its layer, one that another layer adds.
      assert.deepEqual(
        ['/bin/passwd', '/etc/again', '/etc/passwd'].map((path) => file(path).nlink),
        [3, 3, 3],
      )
      assert.equal(file('/etc/passwd').mtime, 1_700_000_000)
      assert.equal(file('/bin/link').target, '../etc/passwd')
      assert.deepEqual(file('/dev/null').device, { major: 1, minor: 3 })
      assert.deepEqual(file('/bin/large').xattrs, {
        'security.capability': Buffer.from('cap').toString('hex'),
        'user.a': Buffer.from('b').toString('hex'),
      })
      assert.deepEqual(Object.keys(file('/etc/new').xattrs!), ['user.kept'])
      assert.deepEqual(
        report.warnings.filter((text) => text.includes('com.apple.provenance')).length,
        1,
      )
      // Equal chunks of a layer are stored once.
      assert.deepEqual(file('/bin/copy').chunks, file('/bin/large').chunks)
      const [first, second] = file('/bin/copy').chunks!
      assert.equal(first, second)
      assert.equal(new Set(made.bootstrap.blobs.map(({ blobId }) => blobId)).size, 2)
    })
  }

  test('batches: small files are compressed together, and said so', async () => {
    const { bootstrap } = await read('app', 'v6-batch')
    for (const { features } of bootstrap.blobs) {
      assert.ok(hasFeature(features, BlobFeature.batch | BlobFeature.chunkInfoV2))
      assert.ok(!hasFeature(features, BlobFeature.inlinedBootstrap))
    }
  })

  test('the manifest and config are those of nydusify', async () => {
    const { manifest, layerFiles, bootstrap } = await read('app', 'v6-zstd')
    assert.deepEqual(
      manifest.layers.map(({ mediaType, annotations }) => [mediaType, annotations]),
      [
        ...Array.from({ length: 2 }, () => [
          'application/vnd.oci.image.layer.nydus.blob.v1',
          { 'containerd.io/snapshot/nydus-blob': 'true' },
        ]),
        [
          'application/vnd.oci.image.layer.v1.tar+gzip',
          {
            'containerd.io/snapshot/nydus-bootstrap': 'true',
            'containerd.io/snapshot/nydus-fs-version': '6',
          },
        ],
      ],
    )
    const { annotations, subject } = manifest
    assert.equal(annotations?.['from.the'], 'source')
    assert.equal(
      annotations?.['containerd.io/snapshot/nydus-source-digest'],
      image.descriptor.digest,
    )
    assert.equal(
      annotations?.['containerd.io/snapshot/nydus-source-reference'],
      `${registry.host}/app:v1`,
    )
    assert.equal(annotations?.['containerd.io/snapshot/nydus-fs-version'], '6')
    assert.equal(subject?.digest, image.descriptor.digest)
    const config = JSON.parse(
      String(Buffer.from(await registry.blob('app', manifest.config.digest))),
    )
    assert.deepEqual(config.config, { Cmd: ['sh'] })
    assert.deepEqual(config.history, [
      { created_by: 'a' },
      { created_by: 'b' },
      { created_by: 'Nydus Converter', comment: 'Nydus Bootstrap Layer' },
    ])
    const [one, two, last] = manifest.layers.map(({ digest }) => digest)
    const tar = gunzipSync(await registry.blob('app', last!))
    assert.deepEqual(config.rootfs.diff_ids, [one, two, digestOf(tar)])
    assert.deepEqual(layerFiles, [
      'image',
      'image/image.boot',
      `image/${hexOf(one!)}.blob.meta`,
      `image/${hexOf(two!)}.blob.meta`,
    ])
    // The bootstrap lists blobs in the order in which files refer to them.
    assert.deepEqual(
      bootstrap.blobs.map(({ blobId }) => blobId),
      [hexOf(one!), hexOf(two!)],
    )
  })

  test('the same source gives the same digest', async () => {
    const first = await convert({}, 'app:v1', 'app:same-1')
    const second = await convert({}, 'app:v1', 'app:same-2')
    assert.equal(first.targetDigest, second.targetDigest)
  })

  test('a Nydus image is no source', async () => {
    const report = await convert({}, 'app:v6-zstd', 'app:twice')
    assert.match(report.skipped!, /a Nydus image already/)
  })

  test('a chunk dictionary: its chunks are not stored again, its blobs are in the manifest', async () => {
    const next = buildImage({
      layers: [
        buildLayer(
          testTar().file('x/copy', large).file('x/own', 'own').file('x/passwd', 'root').bytes(),
        ),
      ],
    })
    await pushBuilt(next, registry.repository('next'), { tag: 'v1' })
    const dictionary = { chunk_dict_ref: `${registry.host}/app:v6-zstd` }
    await convert(dictionary, 'next:v1', 'next:dict')
    const made = await read('next', 'dict')
    assert.deepEqual(Object.fromEntries(made.contents), {
      '/x/copy': large.toString('latin1'),
      '/x/own': 'own',
      '/x/passwd': 'root',
    })
    const app = await read('app', 'v6-zstd')
    const [base] = blobIdsOf(app)
    const ids = blobIdsOf(made)
    assert.equal(ids.length, 2)
    assert.equal(ids[1], base)
    assert.deepEqual(made.files.get('/x/own')!.chunks!.length, 1)
    const own = made.bootstrap.blobs.findIndex(({ blobId }) => blobId === ids[0])
    assert.equal(made.bootstrap.blobs[own]!.chunkCount, 1)
  })

  test('a layer that is all in the dictionary has a blob without chunks', async () => {
    const dictionary = { chunk_dict_ref: `${registry.host}/app:v6-zstd` }
    await convert(dictionary, 'app:v1', 'app:self')
    const made = await read('app', 'self')
    assert.deepEqual(Object.fromEntries(made.contents), contents)
    assert.equal(made.manifest.layers.length, 5)
    assert.deepEqual(
      made.bootstrap.blobs.map(({ blobId }) => blobId),
      blobIdsOf(await read('app', 'v6-zstd')),
    )
  })

  test('a dictionary that does not fit is refused: what it is, what is needed', async () => {
    const refused: [Record<string, string>, string, RegExp][] = [
      [{}, 'app:v6-lz4', /compressor is lz4_block, that of the conversion zstd/],
      [{}, 'app:v5-zstd', /fs_version is 5, that of the conversion 6/],
      [{ fs_chunk_size: '0x2000' }, 'app:v6-zstd', /fs_chunk_size is 4096.* 8192/],
      [{}, 'app:v1', /no Nydus image/],
    ]
    for (const [options, reference, message] of refused) {
      await assert.rejects(
        convert(
          { ...options, chunk_dict_ref: `${registry.host}/${reference}` },
          'app:v1',
          'app:no',
        ),
        { code: 'DRIVER_DICTIONARY_UNUSABLE', message },
      )
    }
    await assert.rejects(
      convert({ chunk_dict_ref: 'unknown.example/app:v1' }, 'app:v1', 'app:no'),
      /unknown\.example/,
    )
    assert.equal(registry.manifest('app', 'no'), undefined)
  })

  test('a dictionary whose bootstrap is damaged is refused', async () => {
    const { manifest } = await read('app', 'v6-zstd')
    const layer = buildLayer(testTar().file('image/image.boot', Buffer.alloc(8192, 1)).bytes(), {
      annotations: { 'containerd.io/snapshot/nydus-bootstrap': 'true' },
    })
    const damaged = buildImage({ layers: [layer] })
    await pushBuilt(damaged, registry.repository('damaged'), { tag: 'v1' })
    assert.equal(manifest.layers.length, 3)
    await assert.rejects(
      convert({ chunk_dict_ref: `${registry.host}/damaged:v1` }, 'app:v1', 'app:no'),
      { code: 'DRIVER_DICTIONARY_UNUSABLE', message: /damaged:v1/ },
    )
  })

  test('a path to prefetch that the image lacks is an error that names it', async () => {
    await convert({ prefetch_patterns: '/etc\n/bin/large' }, 'app:v1', 'app:prefetch')
    await assert.rejects(convert({ prefetch_patterns: '/etc\n/no/such' }, 'app:v1', 'app:no'), {
      code: 'DRIVER_ENTRY_REFUSED',
      message: /"\/no\/such"/,
    })
  })

  test('a hard link to what no layer has is an error that names both', async () => {
    const dangling = buildImage({
      layers: [lower, buildLayer(testTar().hardlink('a', 'nowhere').bytes())],
    })
    await pushBuilt(dangling, registry.repository('dangling'), { tag: 'v1' })
    await assert.rejects(convert({}, 'dangling:v1', 'dangling:no'), {
      code: 'DRIVER_ENTRY_REFUSED',
      message: /layer 2 .*"a".*"nowhere"/,
    })
  })

  test('a layer with nothing in it, and an image of nothing but directories', async () => {
    const empty = buildImage({
      layers: [buildLayer(testTar().directory('a/').bytes()), buildLayer(testTar().bytes())],
    })
    await pushBuilt(empty, registry.repository('empty'), { tag: 'v1' })
    for (const version of ['5', '6']) {
      await convert({ fs_version: version }, 'empty:v1', `empty:v${version}`)
      const made = await read('empty', `v${version}`)
      assert.deepEqual([...made.files.keys()], ['/', '/a'])
      assert.deepEqual(made.bootstrap.blobs, [])
    }
  })
})

suite('merged indexes', () => {
  const images: BuiltImage[] = []
  before(async () => {
    for (const architecture of ['amd64', 'arm64']) {
      const layer = buildLayer(testTar().file('arch', architecture).bytes())
      images.push(
        buildImage({ layers: [layer, upper2()], platform: { os: 'linux', architecture } }),
      )
    }
    const attestation = buildAttestation(images[0]!)
    const index = buildIndex([...images, attestation])
    await pushBuilt(index, registry.repository('multi'), { tag: 'v1' })
  })

  function upper2() {
    return buildLayer(testTar().file('both', 'both').bytes())
  }

  test('each platform twice, the source with an empty layer below; attestations stay what they are', async () => {
    await convert({ merge_manifest: 'true' }, 'multi:v1', 'multi:merged')
    const index = parseIndex(registry.manifest('multi', 'merged')!.bytes, 'index')
    assert.deepEqual(
      index.manifests.map(({ platform, artifactType }) => [platform?.architecture, artifactType]),
      [
        ['amd64', undefined],
        ['arm64', undefined],
        ['unknown', undefined],
        ['amd64', 'application/vnd.nydus.image.manifest.v1+json'],
        ['arm64', 'application/vnd.nydus.image.manifest.v1+json'],
      ],
    )
    const [twin, , attestation, converted] = index.manifests
    assert.equal(attestation!.annotations?.['vnd.docker.reference.digest'], twin!.digest)
    const source = images[0]!.descriptor.digest
    const key = 'containerd.io/snapshot/nydus-source-digest'
    assert.equal(twin!.annotations?.[key], source)
    const oci = parseManifest(registry.manifest('multi', twin!.digest)!.bytes, 'twin')
    const original = parseManifest(images[0]!.bytes, 'source')
    assert.equal(oci.annotations?.[key], source)
    assert.equal(oci.subject, undefined)
    const [empty, ...rest] = oci.layers
    assert.deepEqual(rest, original.layers)
    assert.equal(
      empty!.digest,
      'sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1',
    )
    assert.deepEqual(empty!.annotations, { 'containerd.io/snapshot/nydus-empty-layer': 'true' })
    const zeros = gunzipSync(await registry.blob('multi', empty!.digest))
    assert.deepEqual(zeros, Buffer.alloc(1024))
    const config = JSON.parse(String(Buffer.from(await registry.blob('multi', oci.config.digest))))
    assert.equal(config.rootfs.diff_ids[0], digestOf(zeros))
    assert.equal(config.rootfs.diff_ids.length, 3)
    assert.deepEqual(config.history[0], {
      created_by: 'Nydus Converter',
      comment: 'Nydus Empty Layer',
    })
    const made = await read('multi', converted!.digest)
    assert.equal(made.manifest.config.mediaType, 'application/vnd.nydus.image.config.v1+json')
    assert.equal(made.manifest.subject?.digest, source)
    assert.equal(made.contents.get('/arch'), 'amd64')
  })

  test('of a Docker list: an OCI index, as lists know no artifact types', async () => {
    const docker = ['amd64', 'arm64'].map((architecture) =>
      buildImage({
        layers: [buildLayer(testTar().file('a', architecture).bytes(), { docker: true })],
        platform: { os: 'linux', architecture },
        docker: true,
      }),
    )
    const list = buildIndex(docker, { docker: true })
    await pushBuilt(list, registry.repository('docker-list'), { tag: 'v1' })
    await convert({ merge_manifest: 'true' }, 'docker-list:v1', 'docker-list:merged')
    const { bytes, mediaType } = registry.manifest('docker-list', 'merged')!
    assert.equal(mediaType, 'application/vnd.oci.image.index.v1+json')
    assert.equal(parseIndex(bytes, 'index').manifests.length, 4)
  })

  test('of a single Docker image: platforms, and media types of the one family', async () => {
    const docker = buildImage({
      layers: [buildLayer(testTar().file('a', 'a').bytes(), { docker: true })],
      docker: true,
    })
    await pushBuilt(docker, registry.repository('docker'), { tag: 'v1' })
    await convert({ merge_manifest: 'true' }, 'docker:v1', 'docker:merged')
    const index = parseIndex(registry.manifest('docker', 'merged')!.bytes, 'index')
    const docker2 = 'application/vnd.docker.distribution.manifest.v2+json'
    assert.deepEqual(
      index.manifests.map(({ mediaType, platform }) => [mediaType, platform]),
      [
        [docker2, { os: 'linux', architecture: 'amd64' }],
        [docker2, { os: 'linux', architecture: 'amd64' }],
      ],
    )
    const types = index.manifests.map(({ digest }) =>
      parseManifest(registry.manifest('docker', digest)!.bytes, 'member').layers.map(
        ({ mediaType }) => mediaType,
      ),
    )
    const gzip = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    assert.deepEqual(types, [
      [gzip, gzip],
      ['application/vnd.oci.image.layer.nydus.blob.v1', gzip],
    ])
    await convert({ docker2oci: 'true' }, 'docker:v1', 'docker:oci')
    const { manifest } = await read('docker', 'oci')
    assert.equal(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json')
    assert.equal(manifest.layers.at(-1)!.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip')
  })
})
