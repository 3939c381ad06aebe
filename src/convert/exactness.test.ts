/** A tag of a result never names anything older than its source's, and nothing is converted that was converted before. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noContent } from '../drivers/content-table.ts'
import type { DriverContext, LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { ACCELERATION_SOURCE_DIGEST } from '../oci/annotation.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { openStore } from '../store/store.ts'
import { collect } from '../streams/byte-source.ts'
import { testConverter } from '../testing/converter.ts'
import { buildImage, buildLayer, pushBuilt, type BuiltImage } from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import type { ConversionRequest, RunInit } from './converter.ts'
import type { ConversionReport } from './report.ts'

const scratch = await mkdtemp(join(tmpdir(), 'exactness-'))
const registry = await startTestRegistry()
after(async () => {
  await registry.close()
  await rm(scratch, { recursive: true, force: true })
})

let folders = 0

/** A service with a work directory of its own, or that of one before; its driver copies layers. */
async function service(
  init: {
    workDir?: string
    during?: (layer: LayerInput, context: DriverContext) => Promise<void>
  } = {},
) {
  const workDir = init.workDir ?? join(scratch, String((folders += 1)))
  const store = await openStore<LayerResult>(workDir)
  const converted: string[] = []
  const convertLayer = async (layer: LayerInput, context: DriverContext): Promise<LayerResult> => {
    await init.during?.(layer, context)
    const bytes = await collect(layer.open(context.signal), 1e6, () => new Error('too large'))
    const target = Buffer.concat([Buffer.from('converted '), bytes])
    await writeFile(context.ingestPath, target)
    converted.push(layer.descriptor.digest)
    const { mediaType } = layer.descriptor
    return {
      descriptor: { mediaType, digest: digestOf(target), size: target.length },
      diffId: digestOf(target),
      uncompressedSize: target.length,
      sourceUncompressedSize: bytes.length,
      warnings: [],
      content: noContent(),
      entries: 1,
    }
  }
  const layers = { key: 'copy 1', convertLayer }
  const configured = { layers, docker2oci: true, withReferrer: false }
  const converter = testConverter(store, 'copy', configured, { growthWarning: 1000 })
  return {
    converted,
    store,
    workDir,
    convert(
      repository: string,
      tag: string,
      request: Partial<ConversionRequest> = {},
      run: Partial<RunInit> = {},
    ): Promise<ConversionReport> {
      const at = registry.repository(repository)
      return converter.convert(
        {
          source: at,
          sourceName: `${repository}:${tag}`,
          sourceTag: tag,
          target: at,
          targetAsSource: at,
          targetName: `${repository}:${tag}-c`,
          targetTag: `${tag}-c`,
          sameRepository: true,
          mountFrom: [],
          openImage: () => Promise.reject(new Error('not needed')),
          ...request,
        },
        { signal: new AbortController().signal, onEvent() {}, ...run },
      )
    },
  }
}

function image(...layers: string[]): BuiltImage {
  return buildImage({
    layers: layers.map((name) => buildLayer(testTar().file(name, name).bytes())),
  })
}

async function push(repository: string, tag: string, what: BuiltImage): Promise<Digest> {
  await pushBuilt(what, registry.repository(repository), { tag })
  return what.descriptor.digest
}

/** The source that the image under a tag says it was made of. */
function sourceOf(repository: string, tag: string): string | undefined {
  const found = registry.manifest(repository, tag)
  if (found === undefined) return undefined
  return parseManifest(found.bytes, tag).annotations?.[ACCELERATION_SOURCE_DIGEST]
}

test('the same image under a new tag only moves a tag', async () => {
  const repository = 'new/tag'
  const digest = await push(repository, 'v1', image('a', 'b'))
  const { convert, converted, store } = await service()
  const first = await convert(repository, 'v1')
  await push(repository, 'v2', image('a', 'b'))
  const second = await convert(repository, 'v2', { sourceDigest: digest })
  assert.equal(converted.length, 2)
  assert.equal(second.reused, true)
  assert.deepEqual(
    [second.target, second.targetDigest, second.sourceSize, second.targetSize],
    [`${repository}:v2-c`, first.targetDigest, first.sourceSize, first.targetSize],
  )
  assert.equal(sourceOf(repository, 'v2-c'), digest)
  await store[Symbol.asyncDispose]()
})

test('a result that the registry has lost is made again; so is one in another repository', async () => {
  const repository = 'lost/result'
  await push(repository, 'v1', image('a'))
  const { convert, converted, store } = await service()
  const { targetDigest } = await convert(repository, 'v1')
  const url = `${registry.url}/v2/${repository}/manifests/${targetDigest}`
  assert.equal((await fetch(url, { method: 'DELETE' })).status, 202)
  assert.equal((await convert(repository, 'v1')).reused, undefined)
  await push('lost/other', 'v1', image('a'))
  assert.equal((await convert('lost/other', 'v1')).reused, undefined)
  assert.equal(converted.length, 3)
  await store[Symbol.asyncDispose]()
})

test('a tag that has moved before the conversion begins costs nothing, and is told', async () => {
  const repository = 'moved/before'
  const old = await push(repository, 'v1', image('old'))
  const now = await push(repository, 'v1', image('new'))
  const { convert, converted, store } = await service()
  const report = await convert(repository, 'v1', { sourceDigest: old })
  assert.deepEqual([report.movedTo, report.target, converted], [now, undefined, []])
  await store[Symbol.asyncDispose]()
})

test('a tag that moves during the conversion, or right after the result was tagged, is told', async () => {
  const repository = 'moved/during'
  const old = await push(repository, 'v1', image('old'))
  let now: Digest | undefined
  const { convert, store } = await service({
    during: async () => void (now = await push(repository, 'v1', image('new'))),
  })
  const during = await convert(repository, 'v1', { sourceDigest: old })
  assert.deepEqual([during.movedTo, during.target], [now, undefined])
  assert.equal(registry.manifest(repository, 'v1-c'), undefined)
  const target = registry.repository(repository)
  const race: ConversionRequest['target'] = {
    ...target,
    async pushManifest(bytes, descriptor, init) {
      await target.pushManifest(bytes, descriptor, init)
      if (init?.tag === 'v1-c') now = await push(repository, 'v1', image('newest'))
    },
  }
  const after = await convert(repository, 'v1', { target: race })
  assert.deepEqual([after.movedTo, after.target], [now, `${repository}:v1-c`])
  await store[Symbol.asyncDispose]()
})

test('the request that writes the tag is not given up half-way', async () => {
  const repository = 'stopped/late'
  await push(repository, 'v1', image('a'))
  const { convert, store } = await service()
  const abort = new AbortController()
  const target = registry.repository(repository)
  const slow: ConversionRequest['target'] = {
    ...target,
    async pushManifest(bytes, descriptor, init) {
      if (init?.tag !== undefined) abort.abort(new Error('superseded'))
      init?.signal?.throwIfAborted()
      await target.pushManifest(bytes, descriptor, init)
    },
  }
  await convert(repository, 'v1', { target: slow }, { signal: abort.signal })
  assert.notEqual(registry.manifest(repository, 'v1-c'), undefined)
  await store[Symbol.asyncDispose]()
})

test('layers that were finished when a conversion failed, or its process died, are not converted again', async () => {
  const repository = 'resumed/layers'
  await push(repository, 'v1', image('a', 'b', 'c'))
  let fail = true
  const flaky = async ({ what }: LayerInput): Promise<void> => {
    if (!what.includes('layer 3')) return
    if (!fail) return
    // until the two others are in the store, each with what is known of it
    while ((await readdir(blobs)).length < 4) await new Promise(setImmediate)
    throw new Error('the registry is down')
  }
  const workDir = join(scratch, 'resumed')
  const blobs = join(workDir, 'blobs/sha256')
  const first = await service({ workDir, during: flaky })
  const run = { owner: 'task:1' }
  await assert.rejects(first.convert(repository, 'v1', {}, run), /registry is down/)
  assert.equal(first.converted.length, 2)
  // as after kill -9: nothing was closed
  fail = false
  const second = await service({ workDir, during: flaky })
  const events: string[] = []
  await second.convert(
    repository,
    'v1',
    {},
    {
      ...run,
      onEvent: (event) =>
        event.type === 'converted' && events.push(`${event.cached}/${event.layers}`),
    },
  )
  assert.equal(second.converted.length, 1)
  assert.deepEqual(events, ['2/3'])
  assert.notEqual(sourceOf(repository, 'v1-c'), undefined)
  second.store.layers.release('task:1')
  await second.store[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(blobs), [])
})

test('two conversions of one image at once convert each layer once', async () => {
  const repository = 'at/once'
  for (const tag of ['v1', 'v2']) await push(repository, tag, image('a', 'b'))
  const { convert, converted, store, workDir } = await service()
  await Promise.all([convert(repository, 'v1'), convert(repository, 'v2')])
  assert.equal(converted.length, 2)
  assert.equal(sourceOf(repository, 'v1-c'), sourceOf(repository, 'v2-c'))
  await store[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(join(workDir, 'blobs/sha256')), [])
})
