import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noContent } from '../drivers/content-table.ts'
import type { ConfiguredDriver, LayerConverter } from '../drivers/driver.ts'
import type { FinishImage, ImageContext } from '../drivers/image-step.ts'
import type { BlobStore } from '../transport/image-transport.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { parseIndex, parseManifest } from '../oci/manifest.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '../oci/media-type.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { openStore } from '../store/store.ts'
import { collect } from '../streams/byte-source.ts'
import { testConverter } from '../testing/converter.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import type { ConversionReport } from './report.ts'

const scratch = await mkdtemp(join(tmpdir(), 'image-step-'))
const store = await openStore<LayerResult>(scratch)
const registry = await startTestRegistry()
after(async () => {
  await registry.close()
  await store[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})

const tooLarge = (): Error => new Error('too large')
const at = registry.repository('app')
const other = registry.repository('other')
const elsewhere = await other.putBlob(Buffer.from('of another image'), OCI_LAYER_GZIP)

/** Reverses its layers. */
const layers: LayerConverter = {
  key: 'reverse 1',
  async convertLayer(layer, context) {
    const bytes = await collect(layer.open(context.signal), 1e6, tooLarge)
    const target = Buffer.from(bytes.toReversed())
    await writeFile(context.ingestPath, target)
    const descriptor = descriptorOf(target)
    return {
      descriptor,
      diffId: descriptor.digest,
      uncompressedSize: target.length,
      sourceUncompressedSize: bytes.length,
      warnings: [],
      content: noContent(),
      entries: 1,
      detail: { bytes: bytes.length },
    }
  },
}

function descriptorOf(bytes: Uint8Array): Descriptor {
  return { mediaType: OCI_LAYER_GZIP, digest: digestOf(bytes), size: bytes.length }
}

async function putSource(tag: string, texts: string[]): Promise<Descriptor> {
  const config = {
    os: 'linux',
    architecture: 'riscv64',
    rootfs: { type: 'layers', diff_ids: texts.map((text) => digestOf(text)) },
  }
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: await at.putBlob(encodeDocument(config), OCI_CONFIG),
    layers: await Promise.all(texts.map((text) => at.putBlob(Buffer.from(text), OCI_LAYER_GZIP))),
  }
  return at.putManifest(encodeDocument(body), OCI_MANIFEST, tag)
}

function convert(
  tag: string,
  step: FinishImage,
  change: Partial<ConfiguredDriver> = {},
): Promise<ConversionReport> {
  const configured = { layers, finishImage: step, docker2oci: false, withReferrer: true, ...change }
  const converter = testConverter(store, 'reverse', configured)
  return converter.convert(
    {
      source: at,
      sourceName: `app:${tag}`,
      sourceTag: tag,
      target: at,
      targetName: `app:${tag}-r`,
      targetTag: `${tag}-r`,
      sameRepository: true,
      mountFrom: [],
      openImage: async (name) => ({ source: other, name, tag: 'latest', mountFrom: [] }),
    },
    { signal: new AbortController().signal, onEvent: () => {} },
  )
}

function manifestAt(reference: string) {
  return parseManifest(registry.manifest('app', reference)!.bytes, reference)
}

test('a driver says what an image consists of: layers of its own, of other images, blobs elsewhere', async () => {
  const source = await putSource('v1', ['abc', 'def'])
  const stored = new Map<Digest, string>()
  const store: BlobStore = {
    name: 'a bucket',
    async pushBlob(descriptor, open) {
      stored.set(descriptor.digest, Buffer.from(await collect(open(1), 1e6, tooLarge)).toString())
      return 'uploaded'
    },
  }
  const step: FinishImage = async (image, converted, context: ImageContext) => {
    assert.equal(image.reference, 'app:v1')
    assert.deepEqual(
      converted.map(({ result }) => result.detail),
      [{ bytes: 3 }, { bytes: 3 }],
    )
    const path = context.newFile()
    const made = Buffer.concat(await Promise.all(converted.map((layer) => readFile(layer.path!))))
    await writeFile(path, made)
    const [first] = converted
    const dictionary = await context.openImage('other:latest')
    return {
      manifests: [
        {
          config: { ...image.config, history: [{ comment: 'made whole' }] },
          layers: [
            {
              descriptor: elsewhere,
              diffId: elsewhere.digest,
              origin: { kind: 'image', image: dictionary },
            },
            {
              descriptor: descriptorOf(made),
              diffId: digestOf(made),
              origin: { kind: 'file', path },
            },
          ],
          annotations: { whole: 'yes' },
        },
      ],
      blobs: [
        {
          descriptor: first!.result.descriptor,
          origin: { kind: 'file', path: first!.path! },
          store,
        },
      ],
      warnings: ['made whole'],
    }
  }
  const report = await convert('v1', step)
  const manifest = manifestAt('v1-r')
  assert.deepEqual(
    manifest.layers.map(({ digest }) => digest),
    [elsewhere.digest, digestOf('cbafed')],
  )
  for (const { digest } of manifest.layers) assert.ok(await registry.blob('app', digest))
  await assert.rejects(registry.blob('app', digestOf('cba')))
  assert.deepEqual([...stored], [[digestOf('cba'), 'ba']])
  assert.equal(manifest.subject?.digest, source.digest)
  assert.equal(manifest.annotations?.['whole'], 'yes')
  const config = JSON.parse(String(Buffer.from(await registry.blob('app', manifest.config.digest))))
  assert.deepEqual(config.rootfs.diff_ids, [elsewhere.digest, digestOf('cbafed')])
  assert.deepEqual(config.history, [{ comment: 'made whole' }])
  assert.deepEqual(report.warnings, ['app: made whole'])
  assert.deepEqual(
    report.images[0]!.layers.map(({ push }) => push),
    ['uploaded', undefined],
  )
})

test('several manifests make an index; each says its platform and marks, and only some a subject', async () => {
  await putSource('v2', ['abc'])
  await convert('v2', async ({ config }, converted) => {
    const [{ result, path }] = converted as [(typeof converted)[0]]
    const { descriptor, diffId } = result
    const own = { descriptor, diffId, origin: { kind: 'file', path: path! } } as const
    const bytes = Buffer.from('empty')
    const empty = { descriptor: descriptorOf(bytes), origin: { kind: 'bytes', bytes } } as const
    return {
      manifests: [
        {
          config,
          layers: [{ ...empty, diffId: digestOf(bytes) }],
          subject: false,
          member: { annotations: { of: 'source' } },
        },
        {
          config,
          configMediaType: 'application/vnd.test.config',
          layers: [own],
          member: { artifactType: 'application/vnd.test' },
        },
      ],
      warnings: [],
    }
  })
  const index = parseIndex(registry.manifest('app', 'v2-r')!.bytes, 'index')
  const platform = { os: 'linux', architecture: 'riscv64' }
  const member = { mediaType: OCI_MANIFEST, digest: '', size: 0, platform }
  assert.deepEqual(
    index.manifests.map((member) => ({ ...member, digest: '', size: 0 })),
    [
      { ...member, annotations: { of: 'source' } },
      { ...member, artifactType: 'application/vnd.test' },
    ],
  )
  const [first, second] = index.manifests.map(({ digest }) => manifestAt(digest))
  assert.equal(first!.subject, undefined)
  assert.ok(second!.subject)
  assert.equal(second!.config.mediaType, 'application/vnd.test.config')
})

test('what is read first takes the place of the layers and the step', async () => {
  await putSource('v3', ['abc'])
  const seen: string[] = []
  const never = (): never => assert.fail('it was prepared')
  await convert('v3', never, {
    layers: { key: 'never', convertLayer: never },
    prepare: async ({ openImage }) => {
      seen.push((await openImage('dictionary')).name)
      return { layers }
    },
  })
  assert.deepEqual(seen, ['dictionary'])
  assert.deepEqual(
    manifestAt('v3-r').layers.map(({ digest }) => digest),
    [digestOf('cba')],
  )
})

test('a step that fails leaves nothing in the registry and no file', async () => {
  await putSource('v4', ['abc', 'xyz'])
  const step: FinishImage = async (_image, _layers, context) => {
    await writeFile(context.newFile(), 'half')
    throw new Error('it cannot be made whole')
  }
  await assert.rejects(convert('v4', step), /cannot be made whole/)
  assert.equal(registry.manifest('app', 'v4-r'), undefined)
  await assert.rejects(registry.blob('app', digestOf('zyx')))
  const left = (await readdir(store.work.path)).filter((name) => !name.startsWith('lock'))
  assert.deepEqual(left, [])
})
