import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { createLog } from '../log/log.ts'
import { createRedaction } from '../log/redaction.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { parseIndex, parseManifest, type Manifest } from '../oci/manifest.ts'
import { DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../oci/media-type.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { CACHE_CONFIG } from './cache-image.ts'
import { CACHE_VERSION, SOURCE_DIGEST, type CacheRecord } from './record.ts'
import { RemoteCache, type RemoteCacheInit } from './remote-cache.ts'

const registry = await startTestRegistry()
after(() => registry.close())
const signal = new AbortController().signal
const amd64: Platform = { os: 'linux', architecture: 'amd64' }
const arm64: Platform = { os: 'linux', architecture: 'arm64' }
const BLOB_TYPE = 'application/vnd.oci.image.layer.nydus.blob.v1'

interface Cache extends RemoteCache {
  lines: string[]
}

function open(repository: string, init: Partial<RemoteCacheInit> = {}): Cache {
  const lines: string[] = []
  const log = createLog({
    write: (line) => lines.push(line),
    redaction: createRedaction(),
    level: 'info',
  })
  const at = registry.repository(repository)
  const name = `r/${repository}:cache`
  const cache = new RemoteCache({
    source: at,
    target: at,
    tag: 'cache',
    name,
    version: 'v1',
    size: 200,
    log,
    ...init,
  })
  return Object.assign(cache, { lines })
}

/** A record whose target blob the repository has. */
async function record(repository: string, name: string, recipe = 'r1'): Promise<CacheRecord> {
  const bytes = Buffer.from(`converted ${name} by ${recipe}`)
  const target: Descriptor = {
    mediaType: BLOB_TYPE,
    digest: digestOf(bytes),
    size: bytes.length,
    annotations: { 'containerd.io/snapshot/nydus-blob': 'true' },
  }
  await registry.repository(repository).pushBlob(target, () => bytesFrom(bytes))
  return { source: digestOf(name), target, recipe, facts: '{"n":1}' }
}

async function push(
  repository: string,
  tag: string,
  body: object,
  mediaType: string,
): Promise<Descriptor> {
  const bytes = encodeDocument(body)
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
  await registry.repository(repository).pushManifest(bytes, descriptor, tag === '' ? {} : { tag })
  return descriptor
}

const names = (records: readonly CacheRecord[]): string[] => records.map(({ source }) => source)

function root(repository: string): { mediaType: string; bytes: Uint8Array } {
  const { mediaType, bytes } = registry.manifest(repository, 'cache')!
  return { mediaType, bytes }
}

/** A cache manifest as goharbor/acceleration-service writes one: its own annotations alone. */
async function upstreamManifest(repository: string, sources: string[]): Promise<Manifest> {
  const config = {
    mediaType: OCI_CONFIG,
    digest: digestOf(CACHE_CONFIG),
    size: CACHE_CONFIG.length,
  }
  await registry.repository(repository).pushBlob(config, () => bytesFrom(CACHE_CONFIG))
  const layers: Descriptor[] = []
  for (const name of sources) {
    const { source, target } = await record(repository, name)
    layers.push({ ...target, annotations: { ...target.annotations, [SOURCE_DIGEST]: source } })
  }
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers,
    annotations: { [CACHE_VERSION]: 'v1' },
  }
}

suite('a remote cache', () => {
  test('that is not there has no records, and says so', async () => {
    const cache = open('none')
    assert.deepEqual(await cache.read(amd64, signal), [])
    assert(cache.lines.some((line) => line.includes('cache r/none:cache not found')))
  })

  test('gives back what was written; one platform is a single manifest, and stays one', async () => {
    const cache = open('single')
    const [a, b] = [await record('single', 'a'), await record('single', 'b')]
    await cache.write([{ platform: amd64, records: [a] }], signal)
    await cache.write([{ platform: amd64, records: [b] }], signal)
    assert.equal(root('single').mediaType, OCI_MANIFEST)
    assert.deepEqual(await cache.read(amd64, signal), [b, a])
  })

  test('of several platforms is an index, and stays one', async () => {
    const cache = open('index')
    const [a, b, c] = [
      await record('index', 'a'),
      await record('index', 'b'),
      await record('index', 'c'),
    ]
    await cache.write(
      [
        { platform: amd64, records: [a] },
        { platform: arm64, records: [b] },
      ],
      signal,
    )
    await cache.write([{ platform: arm64, records: [c] }], signal)
    const { mediaType, bytes } = root('index')
    assert.equal(mediaType, OCI_INDEX)
    assert.deepEqual(
      parseIndex(bytes, '').manifests.map(({ platform }) => platform),
      [amd64, arm64],
    )
    assert.deepEqual(names(await cache.read(amd64, signal)), names([a]))
    assert.deepEqual(names(await cache.read(arm64, signal)), names([c, b]))
  })

  for (const mediaType of [OCI_MANIFEST, DOCKER_MANIFEST]) {
    test(`made by upstream, a single manifest of type ${mediaType}, is read and updated in place`, async () => {
      const repository = `upstream-${mediaType.length}`
      const manifest = await upstreamManifest(repository, ['a', 'b'])
      await push(repository, 'cache', { ...manifest, mediaType }, mediaType)
      const cache = open(repository)
      const records = await cache.read(amd64, signal)
      assert.deepEqual(names(records), [digestOf('a'), digestOf('b')])
      assert.deepEqual(
        records.map(({ recipe, target }) => [recipe, target.annotations]),
        Array.from({ length: 2 }, () => [
          undefined,
          { 'containerd.io/snapshot/nydus-blob': 'true' },
        ]),
      )
      await cache.write([{ platform: amd64, records: [await record(repository, 'c')] }], signal)
      assert.equal(root(repository).mediaType, mediaType)
      const { layers, annotations } = parseManifest(root(repository).bytes, '')
      assert.equal(annotations?.[CACHE_VERSION], 'v1')
      assert.deepEqual(
        layers.map((layer) => layer.annotations?.[SOURCE_DIGEST]),
        ['c', 'a', 'b'].map((name) => digestOf(name)),
      )
    })
  }

  test('made by upstream, an index, is read by platform; what is no record is passed over', async () => {
    const manifest = await upstreamManifest('upstream-index', ['a', 'b'])
    manifest.layers[1]!.annotations = { [SOURCE_DIGEST]: 'no digest' }
    const member = await push('upstream-index', '', manifest, OCI_MANIFEST)
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...member, platform: amd64 }],
    }
    await push('upstream-index', 'cache', index, OCI_INDEX)
    const cache = open('upstream-index')
    assert.deepEqual(names(await cache.read(amd64, signal)), [digestOf('a')])
    assert.deepEqual(await cache.read(arm64, signal), [])
    await cache.write([{ platform: amd64, records: [await record('upstream-index', 'c')] }], signal)
    assert.equal(root('upstream-index').mediaType, OCI_INDEX)
    assert.deepEqual(names(await cache.read(amd64, signal)), [digestOf('c'), digestOf('a')])
  })

  test('of several platforms is encoded as Go does it, which upstream relies on', async () => {
    const cache = open('go')
    const additions = [amd64, { ...arm64, variant: 'v8' }].map(async (platform, i) => ({
      platform,
      records: [await record('go', String(i))],
    }))
    await cache.write(await Promise.all(additions), signal)
    const text = Buffer.from(root('go').bytes).toString()
    const go = text.replaceAll(/sha256:[0-9a-f]{64}/g, 'D').replaceAll(/"size": \d+/g, '"size": 1')
    const member = (platform: string): string => `    {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "D",
      "size": 1,
      "platform": {
        "architecture": ${platform}
      }
    }`
    assert.equal(
      go,
      `{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "manifests": [
${member('"amd64",\n        "os": "linux"')},
${member('"arm64",\n        "os": "linux",\n        "variant": "v8"')}
  ]
}`,
    )
  })

  test('of another version is not used, with a line in the log, and makes way', async () => {
    const old = open('version', { version: 'v0' })
    await old.write([{ platform: amd64, records: [await record('version', 'a')] }], signal)
    const cache = open('version')
    assert.deepEqual(await cache.read(amd64, signal), [])
    const line = 'ignore cache r/version:cache, unmatched version: v0, expected: v1'
    assert(cache.lines.some((one) => one.includes(line)))
    await cache.write([{ platform: amd64, records: [await record('version', 'b')] }], signal)
    assert.deepEqual(names(await cache.read(amd64, signal)), [digestOf('b')])
    assert.deepEqual(await old.read(amd64, signal), [])
  })

  test('drops what was unused for longest when it is full', async () => {
    const cache = open('full', { size: 3 })
    const all = Object.fromEntries(
      await Promise.all(
        ['a', 'b', 'c', 'd'].map(async (name) => [name, await record('full', name)]),
      ),
    ) as Record<string, CacheRecord>
    for (const name of ['a', 'b', 'c']) {
      await cache.write([{ platform: amd64, records: [all[name]!] }], signal)
    }
    await cache.write([{ platform: amd64, records: [all['a']!] }], signal)
    await cache.write([{ platform: amd64, records: [all['d']!] }], signal)
    assert.deepEqual(
      names(await cache.read(amd64, signal)),
      ['d', 'a', 'c'].map((name) => digestOf(name)),
    )
  })

  test('keeps one record of a layer for each recipe', async () => {
    const cache = open('recipes')
    const [one, two] = [await record('recipes', 'a', 'r1'), await record('recipes', 'a', 'r2')]
    for (const records of [[one], [two], [one]]) {
      await cache.write([{ platform: amd64, records }], signal)
    }
    assert.deepEqual(await cache.read(amd64, signal), [one, two])
  })

  test('with a key uses only what was sealed by it', async () => {
    const own = open('sealed', { key: 'secret' })
    const planted = open('sealed')
    await own.write([{ platform: amd64, records: [await record('sealed', 'a')] }], signal)
    await planted.write([{ platform: amd64, records: [await record('sealed', 'b')] }], signal)
    assert.deepEqual(names(await own.read(amd64, signal)), [digestOf('a')])
    assert(own.lines.some((line) => line.includes('1 records of the cache r/sealed:cache')))
    assert(own.lines.every((line) => !line.includes('secret')))
    const other = open('sealed', { key: 'another' })
    assert.deepEqual(await other.read(amd64, signal), [])
  })

  test('that is not a cache image is left alone by reading', async () => {
    await push('rubbish', 'cache', { schemaVersion: 2, manifests: 7 }, OCI_INDEX)
    const cache = open('rubbish')
    assert.deepEqual(await cache.read(amd64, signal), [])
    assert(cache.lines.some((line) => line.includes('could not be read')))
  })

  test('loses no record of twenty writers at once', async () => {
    const records = await Promise.all(
      Array.from({ length: 20 }, (_, i) => record('many', `layer ${i}`)),
    )
    await Promise.all(
      records.map((one) => open('many').write([{ platform: amd64, records: [one] }], signal)),
    )
    const found = await open('many').read(amd64, signal)
    assert.deepEqual(new Set(names(found)), new Set(names(records)))
  })

  test('is written again where another process took the records away', async () => {
    const [mine, theirs] = [await record('race', 'mine'), await record('race', 'theirs')]
    // Another process reads, waits, and writes over what came meanwhile: once.
    const at = registry.repository('race')
    let overwritten = 0
    const target: RemoteCacheInit['target'] = {
      name: at.name,
      find: (...args) => at.find(...args),
      hasBlob: (...args) => at.hasBlob(...args),
      pushBlob: (...args) => at.pushBlob(...args),
      async pushManifest(bytes, descriptor, init) {
        await at.pushManifest(bytes, descriptor, init)
        if (init?.tag === undefined || overwritten++ > 0) return
        const manifest = await upstreamManifest('race', [])
        manifest.layers.push({
          ...theirs.target,
          annotations: { [SOURCE_DIGEST]: theirs.source },
        })
        await push('race', 'cache', manifest, OCI_MANIFEST)
      },
    }
    await open('race', { target }).write([{ platform: amd64, records: [mine] }], signal)
    assert.deepEqual(
      new Set(names(await open('race').read(amd64, signal))),
      new Set([mine.source, theirs.source]),
    )
  })
})
