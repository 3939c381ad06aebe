import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ConfiguredDriver, DriverContext, LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { ContentTable, KIND, noContent, type LayerContentData } from '../drivers/content-table.ts'
import {
  ACCELERATION_DRIVER_NAME,
  DOCKER_REFERENCE_DIGEST,
  DOCKER_REFERENCE_TYPE,
} from '../oci/annotation.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { parseIndex, parseManifest } from '../oci/manifest.ts'
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { createRegistryClient } from '../registry/client.ts'
import { openStore } from '../store/store.ts'
import { collect } from '../streams/byte-source.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testConverter } from '../testing/converter.ts'
import type { ConversionRequest, ConverterInit } from './converter.ts'
import type { ConversionEvent } from './events.ts'
import type { ConversionReport } from './report.ts'

const scratch = await mkdtemp(join(tmpdir(), 'converter-'))
const store = await openStore<LayerResult>(scratch)
const registry = await startTestRegistry()
after(async () => {
  await registry.close()
  await store[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})

/** Of a layer that has a file of this name in its root. */
function contentWith(name: string): LayerContentData {
  const table = new ContentTable()
  table.setKind(table.add(name), KIND.other)
  return { table: table.data(), questions: [] }
}

/** A driver that puts "converted " before each layer: what is tested is what happens around it. */
function prefixDriver(
  hooks: {
    content?: (layer: LayerInput) => LayerContentData
    during?: (layer: LayerInput, context: DriverContext) => Promise<void>
  } = {},
): ConfiguredDriver & { converted: LayerInput[] } {
  const converted: LayerInput[] = []
  return {
    converted,
    docker2oci: true,
    withReferrer: true,
    layers: {
      key: 'prefix 1',
      async convertLayer(layer, context): Promise<LayerResult> {
        converted.push(layer)
        await hooks.during?.(layer, context)
        const bytes = await collect(layer.open(context.signal), 1e6, () => new Error('too large'))
        const target = Buffer.concat([
          Buffer.from(layer.lower ? 'converted again ' : 'converted '),
          bytes,
        ])
        await writeFile(context.ingestPath, target)
        context.progress(bytes.length, target.length)
        return {
          descriptor: {
            mediaType: layer.descriptor.mediaType,
            digest: digestOf(target),
            size: target.length,
            annotations: { made: 'by prefix' },
          },
          diffId: digestOf(target),
          uncompressedSize: target.length,
          sourceUncompressedSize: bytes.length,
          warnings: [],
          content: hooks.content?.(layer) ?? noContent(),
          entries: 1,
        }
      },
    },
  }
}

function putBlob(repository: string, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  return registry.repository(repository).putBlob(bytes, mediaType)
}

function putManifest(
  repository: string,
  body: object,
  mediaType: string,
  tag?: string,
): Promise<Descriptor> {
  return registry.repository(repository).putManifest(encodeDocument(body), mediaType, tag)
}

async function putImage(
  repository: string,
  layers: string[],
  init: {
    tag?: string
    docker?: boolean
    platform?: Platform
    annotations?: Record<string, string>
  } = {},
): Promise<Descriptor> {
  const [manifestType, configType, layerType] = init.docker
    ? [DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER_GZIP]
    : [OCI_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP]
  const platform = init.platform ?? { os: 'linux', architecture: 'amd64' }
  const config = {
    ...platform,
    config: { Image: digestOf('the image it was built from'), Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
    history: layers.map(() => ({ created_by: 'test' })),
  }
  const body = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: await putBlob(repository, encodeDocument(config), configType),
    layers: await Promise.all(
      layers.map((layer) => putBlob(repository, Buffer.from(layer), layerType)),
    ),
    ...(init.annotations ? { annotations: init.annotations } : {}),
  }
  const descriptor = await putManifest(repository, body, manifestType, init.tag)
  return init.platform ? { ...descriptor, platform: init.platform } : descriptor
}

async function convert(
  configured: ConfiguredDriver,
  request: Partial<ConversionRequest> & { repository: string },
  init: Partial<ConverterInit> = {},
  onEvent: (event: ConversionEvent) => void = () => {},
): Promise<ConversionReport> {
  const converter = testConverter(store, 'prefix', configured, init)
  const at = registry.repository(request.repository)
  return converter.convert(
    {
      source: at,
      sourceName: `${request.repository}:latest`,
      sourceTag: 'latest',
      target: at,
      targetName: `${request.repository}:latest-p`,
      targetTag: 'latest-p',
      sameRepository: true,
      mountFrom: [],
      openImage: () => Promise.reject(new Error('no driver of this test opens an image')),
      ...request,
    },
    { signal: new AbortController().signal, onEvent },
  )
}

/** The manifest or index under a tag or digest, parsed, with the size and digest that name it. */
function stored(from: TestRegistry, repository: string, reference: string) {
  const found = from.manifest(repository, reference)
  assert.ok(found, `${repository}:${reference} was not pushed`)
  return found
}

const filesLeft = async (): Promise<string[]> =>
  (await readdir(store.work.path)).filter((name) => !name.startsWith('lock'))

test('an image is converted layer by layer, with a new config, and linked to its source', async () => {
  const source = await putImage('one/docker', ['layer a', 'layer b', 'layer a'], {
    tag: 'latest',
    docker: true,
    annotations: { keep: 'me' },
  })
  const driver = prefixDriver()
  const events: string[] = []
  const report = await convert(driver, { repository: 'one/docker' }, {}, (event) => {
    if (event.type !== 'layer') events.push(event.type)
  })
  assert.deepEqual(events, [
    'pulling',
    'pulled',
    'converting',
    'converted',
    'pushing',
    'pushed',
    'done',
  ])
  assert.equal(driver.converted.length, 2, 'the layer that is there twice is converted once')
  const manifest = parseManifest(stored(registry, 'one/docker', 'latest-p').bytes, 'result')
  assert.equal(manifest.mediaType, OCI_MANIFEST)
  assert.deepEqual(
    manifest.layers.map((layer) => [layer.mediaType, layer.digest, layer.annotations]),
    ['layer a', 'layer b', 'layer a'].map((layer) => [
      OCI_LAYER_GZIP,
      digestOf(`converted ${layer}`),
      { made: 'by prefix' },
    ]),
  )
  assert.equal(manifest.annotations!['keep'], 'me')
  assert.equal(manifest.annotations![ACCELERATION_DRIVER_NAME], 'prefix')
  assert.deepEqual(manifest.subject, source)
  const config = JSON.parse(
    Buffer.from(await registry.blob('one/docker', manifest.config.digest)).toString(),
  )
  assert.deepEqual(
    config.rootfs.diff_ids,
    ['layer a', 'layer b', 'layer a'].map((layer) => digestOf(`converted ${layer}`)),
  )
  assert.equal(config.history.length, 3)
  assert.deepEqual(config.config, { Image: '', Cmd: ['sh'] })
  assert.equal(report.targetDigest, stored(registry, 'one/docker', 'latest-p').digest)
  assert.equal(report.images[0]!.layers[0]!.push, 'uploaded')
  assert.deepEqual(await filesLeft(), [])
})

test('an index keeps its members, and attestations point to the converted image', async () => {
  const repository = 'index/attested'
  const amd64 = await putImage(repository, ['amd64'], {
    platform: { os: 'linux', architecture: 'amd64' },
  })
  const arm64 = await putImage(repository, ['arm64'], {
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  })
  const attestation = await putManifest(
    repository,
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: await putBlob(repository, Buffer.from('{}'), OCI_CONFIG),
      layers: [
        await putBlob(repository, Buffer.from('{"in":"toto"}'), 'application/vnd.in-toto+json'),
      ],
    },
    OCI_MANIFEST,
  )
  const unknown = { os: 'unknown', architecture: 'unknown' }
  const annotations = {
    [DOCKER_REFERENCE_TYPE]: 'attestation-manifest',
    [DOCKER_REFERENCE_DIGEST]: amd64.digest,
  }
  const members = [amd64, arm64, { ...attestation, platform: unknown, annotations }]
  const index = await putManifest(
    repository,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: members },
    OCI_INDEX,
    'latest',
  )

  const report = await convert(prefixDriver(), { repository })
  const result = parseIndex(stored(registry, repository, 'latest-p').bytes, 'result')
  assert.deepEqual(result.subject, index)
  assert.deepEqual(
    result.manifests.map((member) => member.platform),
    members.map((member) => member.platform),
  )
  assert.equal(result.manifests[2]!.digest, attestation.digest)
  assert.equal(
    result.manifests[2]!.annotations![DOCKER_REFERENCE_DIGEST],
    result.manifests[0]!.digest,
  )
  const child = parseManifest(
    stored(registry, repository, result.manifests[1]!.digest).bytes,
    'child',
  )
  assert.equal(child.subject!.digest, arm64.digest)
  assert.equal(report.kept.length, 1)

  const filtered = await convert(
    prefixDriver(),
    { repository, targetTag: 'arm' },
    { platforms: parsePlatforms('linux/arm64') },
  )
  const only = parseIndex(stored(registry, repository, 'arm').bytes, 'result')
  assert.deepEqual(
    only.manifests.map((member) => member.platform?.architecture),
    ['arm64'],
    'other platforms and their attestations are left out',
  )
  assert.equal(filtered.images.length, 1)
  const none = await convert(
    prefixDriver(),
    { repository, targetTag: 'none' },
    { platforms: parsePlatforms('windows/amd64') },
  )
  assert.match(none.skipped!, /no image for windows\/amd64.*linux\/amd64, linux\/arm64\/v8/)
})

/** The prefix driver with a second manifest for readers that want other annotations on the layers. */
function variantDriver(): ConfiguredDriver {
  const { layers, ...driver } = prefixDriver()
  return {
    ...driver,
    variants: [{ name: 'other', memberAnnotations: { 'for.other': 'true' } }],
    layers: {
      key: 'variant 1',
      async convertLayer(layer, context): Promise<LayerResult> {
        const result = await layers.convertLayer(layer, context)
        return {
          ...result,
          variants: [{ ...result.descriptor, annotations: { made: 'for others' } }],
        }
      },
    },
  }
}

test('variants: a single image becomes an index of manifests over the same blobs', async () => {
  const repository = 'variants/single'
  const source = await putImage(repository, ['layer a', 'layer b'], { tag: 'latest' })
  const report = await convert(variantDriver(), { repository })
  const root = stored(registry, repository, 'latest-p')
  const index = parseIndex(root.bytes, 'result')
  assert.equal(report.targetDigest, root.digest)
  assert.deepEqual(index.subject, source)
  assert.equal(index.annotations![ACCELERATION_DRIVER_NAME], 'prefix')
  assert.deepEqual(
    index.manifests.map(({ platform, annotations }) => [platform?.architecture, annotations]),
    [
      ['amd64', undefined],
      ['amd64', { 'for.other': 'true' }],
    ],
  )
  const [first, second] = index.manifests.map(({ digest }) =>
    parseManifest(stored(registry, repository, digest).bytes, 'member'),
  )
  assert.deepEqual(first!.config, second!.config)
  assert.deepEqual(
    first!.layers.map(({ digest }) => digest),
    second!.layers.map(({ digest }) => digest),
  )
  assert.deepEqual(first!.layers[0]!.annotations, { made: 'by prefix' })
  assert.deepEqual(second!.layers[0]!.annotations, { made: 'for others' })
  assert.equal(report.images[0]!.targetDigest, index.manifests[0]!.digest)
  assert.deepEqual(report.images[0]!.variantDigests, [index.manifests[1]!.digest])
  const again = await convert(variantDriver(), { repository, sourceTag: 'latest-p' })
  assert.match(again.skipped!, /converted already/)
})

test('variants: in an index they stand behind all images, and only they have the marks', async () => {
  const repository = 'variants/index'
  const members = []
  for (const architecture of ['amd64', 'arm64']) {
    const image = await putImage(repository, [architecture], {
      platform: { os: 'linux', architecture },
    })
    members.push({ ...image, annotations: { 'for.other': 'true', keep: architecture } })
  }
  await putManifest(
    repository,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: members },
    OCI_INDEX,
    'latest',
  )
  await convert(variantDriver(), { repository })
  const index = parseIndex(stored(registry, repository, 'latest-p').bytes, 'result')
  assert.deepEqual(
    index.manifests.map(({ platform, annotations }) => [platform?.architecture, annotations]),
    [
      ['amd64', { keep: 'amd64' }],
      ['arm64', { keep: 'arm64' }],
      ['amd64', { keep: 'amd64', 'for.other': 'true' }],
      ['arm64', { keep: 'arm64', 'for.other': 'true' }],
    ],
  )
})

test('variants: an image whose manifests would be the same has one', async () => {
  const repository = 'variants/same'
  await putImage(repository, ['layer a'], { tag: 'latest' })
  const { layers, ...driver } = variantDriver()
  const convertLayer: typeof layers.convertLayer = async (layer, context) => {
    const { variants: _, ...result } = await layers.convertLayer(layer, context)
    return result
  }
  const same = { ...driver, layers: { key: 'same', convertLayer } }
  const report = await convert(same, { repository })
  const root = stored(registry, repository, 'latest-p')
  assert.equal(root.mediaType, OCI_MANIFEST)
  assert.equal(report.targetDigest, report.images[0]!.targetDigest)
  assert.equal(report.images[0]!.variantDigests, undefined)
  const image = await putImage(repository, ['layer a'], {
    platform: { os: 'linux', architecture: 'amd64' },
  })
  const body = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [image] }
  await putManifest(repository, body, OCI_INDEX, 'index')
  await convert(same, { repository, sourceTag: 'index', targetTag: 'index-p' })
  const index = parseIndex(stored(registry, repository, 'index-p').bytes, 'result')
  assert.deepEqual(
    index.manifests.map(({ annotations }) => annotations),
    [undefined],
  )
})

test('a result that is much larger than its source is warned of', async () => {
  const repository = 'growth'
  await putImage(repository, ['small', 'large'], { tag: 'latest' })
  const { layers, ...driver } = prefixDriver()
  const padding = Buffer.alloc(2 * 1024 * 1024)
  const convertLayer: typeof layers.convertLayer = async (layer, context) => {
    const result = await layers.convertLayer(layer, context)
    if (layer.diffId !== digestOf('large')) return result
    await appendFile(context.ingestPath, padding)
    const blob = await readFile(context.ingestPath)
    return {
      ...result,
      descriptor: { ...result.descriptor, digest: digestOf(blob), size: blob.length },
    }
  }
  const grown = { ...driver, layers: { key: 'grown', convertLayer } }
  const warned: string[] = []
  const onEvent = (event: ConversionEvent): void => {
    if (event.type === 'warning') warned.push(event.message)
  }
  const report = await convert(grown, { repository }, {}, onEvent)
  assert.match(report.warnings[0]!, /^growth:latest-p has \d+ bytes, .* Layer 2 of linux\/amd64/)
  assert.deepEqual(warned, report.warnings)
  const allowed = await convert(grown, { repository }, { growthWarning: 1_000_000 })
  assert.deepEqual(allowed.warnings, [])
})

test('the same source gives the same digest', async () => {
  await putImage('same/a', ['x', 'y'], { tag: 'latest' })
  const first = await convert(prefixDriver(), { repository: 'same/a' })
  const second = await convert(prefixDriver(), { repository: 'same/a', targetTag: 'other' })
  assert.equal(first.targetDigest, second.targetDigest)
})

test('what is no image, or was made here, is skipped with a reason', async () => {
  const repository = 'skip/these'
  const config = await putBlob(
    repository,
    Buffer.from('{}'),
    'application/vnd.cncf.helm.config.v1+json',
  )
  const layer = await putBlob(
    repository,
    Buffer.from('chart'),
    'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
  )
  await putManifest(
    repository,
    { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] },
    OCI_MANIFEST,
    'chart',
  )
  const chart = await convert(prefixDriver(), { repository, sourceTag: 'chart' })
  assert.match(chart.skipped!, /artifact of type application\/vnd.cncf.helm.config/)

  await putImage(repository, ['x'], { tag: 'latest' })
  await convert(prefixDriver(), { repository })
  const again = await convert(prefixDriver(), {
    repository,
    sourceTag: 'latest-p',
    targetTag: 'p-p',
  })
  assert.match(again.skipped!, /converted already, by the driver prefix/)
  assert.equal(registry.manifest(repository, 'p-p'), undefined)
})

test('schema 1, encrypted layers and a config of other layers are refused by name', async () => {
  const repository = 'refuse/these'
  const layer = await putBlob(repository, Buffer.from('?'), `${OCI_LAYER_GZIP}+encrypted`)
  const config = {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [digestOf('a')] },
  }
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: await putBlob(repository, encodeDocument(config), OCI_CONFIG),
    layers: [layer],
  }
  await putManifest(repository, body, OCI_MANIFEST, 'encrypted')
  await assert.rejects(convert(prefixDriver(), { repository, sourceTag: 'encrypted' }), {
    code: 'IMAGE_LAYER_ENCRYPTED',
    message: /layer 1 .*\+encrypted/,
  })
  await putManifest(repository, { ...body, layers: [layer, layer] }, OCI_MANIFEST, 'short')
  await assert.rejects(convert(prefixDriver(), { repository, sourceTag: 'short' }), {
    code: 'IMAGE_MANIFEST_INVALID',
    message: /2 layers, the config 1 diff_ids/,
  })
})

test('when one layer fails the others stop, nothing is pushed, and no file is left', async () => {
  const repository = 'fail/one'
  await putImage(repository, ['good', 'bad', 'slow'], { tag: 'latest' })
  let stopped = false
  const driver = prefixDriver({
    async during(layer, { signal }) {
      if (layer.what.includes('layer 2')) throw new Error('layer 2 is bad')
      if (!layer.what.includes('layer 3')) return
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped = true
          reject(signal.reason as Error)
        })
      })
    },
  })
  await assert.rejects(convert(driver, { repository }), /layer 2 is bad/)
  assert.equal(stopped, true)
  assert.equal(registry.manifest(repository, 'latest-p'), undefined)
  assert.deepEqual(await filesLeft(), [])
})

test('when one blob is refused the other uploads stop, and none is left open', async () => {
  const repository = 'push/refused'
  await putImage(repository, ['slow', 'refused'], { tag: 'latest' })
  const [slow, refused] = [digestOf('converted slow'), digestOf('converted refused')]
  const stalled = Promise.withResolvers<void>()
  const where = (): boolean => {
    stalled.resolve()
    return true
  }
  registry.fault({ on: 'PUT upload', match: { digest: slow, where }, afterBytes: 4, then: 'stall' })
  registry.fault({
    on: 'HEAD blob',
    match: { digest: refused },
    then: { hold: stalled.promise },
  })
  registry.fault({ on: 'PUT upload', match: { digest: refused }, then: { status: 403 } })
  const client = createRegistryClient({}, { hosts: () => ({}) })
  try {
    const target = client.repository({ host: registry.host, repository }, { side: 'target' })
    await assert.rejects(convert(prefixDriver(), { repository, target }), {
      code: 'REGISTRY_DENIED',
      message: new RegExp(refused),
    })
    assert.equal(registry.openUploads(), 0)
    assert.equal(registry.manifest(repository, 'latest-p'), undefined)
  } finally {
    await client.close()
  }
})

test('the tag is not written when the source tag has moved meanwhile', async () => {
  const repository = 'moved/tag'
  await putImage(repository, ['old'], { tag: 'latest' })
  const driver = prefixDriver({
    during: async () => void (await putImage(repository, ['new'], { tag: 'latest' })),
  })
  const report = await convert(driver, { repository })
  assert.match(report.skipped!, /the tag latest was moved/)
  assert.equal(registry.manifest(repository, 'latest-p'), undefined)
})

test('a layer whose question is answered from below is converted again with the answer', async () => {
  const repository = 'asks/below'
  await putImage(repository, ['below', 'above'], { tag: 'latest' })
  const driver = prefixDriver({
    content: (layer) =>
      layer.what.includes('layer 1')
        ? contentWith('top')
        : { ...noContent(), questions: [{ about: 'path', path: 'top', matters: 'present' }] },
  })
  await convert(driver, { repository })
  const manifest = parseManifest(stored(registry, repository, 'latest-p').bytes, 'result')
  assert.deepEqual(
    manifest.layers.map((layer) => layer.digest),
    [digestOf('converted below'), digestOf('converted again above')],
  )
  assert.deepEqual(await filesLeft(), [])
})

test('another repository gets everything, and no subject', async () => {
  await putImage('from/here', ['x'], { tag: 'latest' })
  await convert(prefixDriver(), {
    repository: 'from/here',
    target: registry.repository('to/there'),
    sameRepository: false,
  })
  const manifest = parseManifest(stored(registry, 'to/there', 'latest-p').bytes, 'result')
  assert.equal(manifest.subject, undefined)
  assert.equal(
    Buffer.from(await registry.blob('to/there', manifest.layers[0]!.digest)).toString(),
    'converted x',
  )
})

test('a layer that is not what its digest says fails the conversion', async () => {
  const repository = 'wrong/bytes'
  await putImage(repository, ['right'], { tag: 'latest' })
  const path = (await findBlob(digestOf('right').slice(7)))!
  const bytes = await readFile(path)
  await writeFile(path, Buffer.from('wrong'))
  await assert.rejects(convert(prefixDriver(), { repository }), { code: 'CONTENT_DIGEST_MISMATCH' })
  await writeFile(path, bytes)
})

async function findBlob(hex: string): Promise<string | undefined> {
  const names = await readdir(registry.directory, { recursive: true })
  const name = names.find((one) => one.includes(hex))
  return name === undefined ? undefined : join(registry.directory, name)
}
