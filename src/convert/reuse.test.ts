/** Layers that were converted before are not converted, pulled or sent again, by whatever driver. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { parseManifest } from '../oci/manifest.ts'
import { buildImage, buildLayer, pushBuilt, type BuiltLayer } from '../testing/image-builder.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { openConversionService, type ConversionService } from './service.ts'

const layer = (name: string, size: number): BuiltLayer =>
  buildLayer(
    testTar()
      .directory(`${name}/`)
      .file(`${name}/f`, Buffer.alloc(size, `${name} `))
      .bytes(),
  )
const base = layer('base', 300_000)
const middle = layer('middle', 200_000)

interface Scene extends AsyncDisposable {
  workDir: string
  registry: TestRegistry
  service: ConversionService
  push(repository: string, ...layers: BuiltLayer[]): Promise<void>
  convert(repository: string): Promise<void>
  /** What was asked of the registry since the last call: blobs pulled, mounted, and sent. */
  traffic(): { pulled: string[]; mounted: number; sent: number }
}

async function scene(
  t: TestContext,
  driver: string,
  threshold: string,
  init: { registry?: TestRegistry; rule?: string; provider?: string } = {},
): Promise<Scene> {
  const stack = new AsyncDisposableStack()
  const registry = init.registry ?? stack.use(await startTestRegistry())
  const workDir = join(await temporaryDirectory(t), 'work')
  const yaml = `
provider: { source: { "${registry.host}": {} }, work_dir: ${workDir}, gcpolicy: { ${threshold} }${init.provider ?? ''} }
converter: { worker: 1, driver: { type: ${driver} }, rules: [{ tag_suffix: -x${init.rule ?? ''} }] }`
  const { config } = parseConfig(yaml, 'config.yaml')
  const service = stack.use(await openConversionService(config))
  return {
    workDir,
    registry,
    service,
    async push(repository, ...layers) {
      const at = registry.repository(repository)
      await pushBuilt(buildImage({ layers }), at, { tag: 'v1' })
    },
    async convert(repository) {
      const source = `${registry.host}/${repository}:v1`
      await service.convert({ source }, { signal: t.signal, onEvent: () => {} })
    },
    traffic() {
      const layers = [base, middle].map(({ descriptor }) => descriptor.digest as string)
      const all = registry.requests()
      registry.clearRequests()
      return {
        pulled: all
          .filter(({ kind }) => kind === 'GET blob')
          .flatMap(({ path }) => layers.filter((digest) => path.endsWith(digest))),
        mounted: all.filter(({ query, status }) => query['mount'] !== undefined && status === 201)
          .length,
        sent: all.filter(({ kind }) => kind === 'PUT upload').length,
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

for (const driver of ['estargz', 'zstdchunked', 'nydus']) {
  suite(driver, () => {
    test('the next version of an image: only its new layer is pulled', async (t) => {
      await using it = await scene(t, driver, 'threshold: 1GB')
      await it.push('app', base, middle)
      await it.convert('app')
      assert.equal(it.traffic().pulled.length, 2)
      await it.push('app', base, middle, layer('top', 1000))
      await it.convert('app')
      const { pulled } = it.traffic()
      assert.deepEqual(pulled, [])
      assert.deepEqual(it.registry.tags('app'), ['v1', 'v1-x'])
    })

    test('the same layers in another repository: mounted, nothing sent but documents', async (t) => {
      await using it = await scene(t, driver, 'threshold: 1GB')
      await it.push('one', base, middle)
      await it.convert('one')
      const first = it.traffic()
      await it.push('two', base, middle)
      await it.convert('two')
      const second = it.traffic()
      assert.deepEqual(second.pulled, [])
      assert.equal(first.mounted, 0)
      assert(second.mounted >= 2, JSON.stringify(second))
      assert(second.sent <= 2 && second.sent < first.sent, JSON.stringify(second))
    })

    test('without a threshold nothing is kept', async (t) => {
      await using it = await scene(t, driver, '')
      await it.push('one', base)
      await it.convert('one')
      await it.service.collect()
      it.traffic()
      await it.push('two', base)
      await it.convert('two')
      assert.equal(it.traffic().pulled.length, 1)
    })

    test('another machine: what the remote cache has is not converted', async (t) => {
      const init = { rule: ', cache_tag: cache' }
      await using one = await scene(t, driver, '', init)
      await one.push('app', base, middle)
      await one.convert('app')
      const digest = one.registry.manifest('app', 'v1-x')!.digest
      assert.deepEqual(one.registry.tags('app'), ['cache', 'v1', 'v1-x'])
      const { registry } = one
      await using two = await scene(t, driver, '', { ...init, registry })
      two.traffic()
      await two.push('app', base, middle, layer('top', 1000))
      await two.convert('app')
      const { pulled, sent } = two.traffic()
      assert.deepEqual(pulled, [])
      assert(sent <= 4, String(sent))
      assert.notEqual(registry.manifest('app', 'v1-x')!.digest, digest)
    })

    test('a blob that the registry lost skips its record, not the cache', async (t) => {
      const init = { rule: ', cache_tag: cache' }
      await using one = await scene(t, driver, '', init)
      await one.push('app', base, middle)
      await one.convert('app')
      const { registry } = one
      const cache = parseManifest(registry.manifest('app', 'cache')!.bytes, 'cache')
      const lost = cache.layers[0]!
      registry.fault({ on: 'GET blob', then: { status: 404 }, match: { digest: lost.digest } })
      await using two = await scene(t, driver, '', { ...init, registry })
      two.traffic()
      await two.push('app', base, middle, layer('top', 2000))
      await two.convert('app')
      assert.equal(two.traffic().pulled.length, 1)
    })
  })
}

test('a cache that cannot be written does not make the conversion fail', async (t) => {
  await using it = await scene(t, 'estargz', '', { rule: ', cache_tag: cache' })
  it.registry.fault({ on: 'PUT manifest', then: { status: 403 }, match: { tag: 'cache' } })
  await it.push('app', base)
  await it.convert('app')
  assert.deepEqual(it.registry.tags('app'), ['v1', 'v1-x'])
})

test('twenty conversions at once in one repository end with all their records in the cache', async (t) => {
  await using it = await scene(t, 'zstdchunked', '', { rule: ', cache_tag: cache' })
  const names = Array.from({ length: 20 }, (_, i) => `v${i}`)
  const at = it.registry.repository('app')
  for (const tag of names) {
    const image = buildImage({ layers: [base, layer(tag, 100)] })
    await pushBuilt(image, at, { tag })
  }
  const run = { signal: t.signal, onEvent: () => {} }
  await Promise.all(
    names.map((tag) => it.service.convert({ source: `${it.registry.host}/app:${tag}` }, run)),
  )
  const cache = parseManifest(it.registry.manifest('app', 'cache')!.bytes, 'cache')
  assert.equal(cache.layers.length, 21)
})

test('the store stays within its threshold while conversions fill it three times over, and none fails', async (t) => {
  const threshold = 400_000
  await using it = await scene(t, 'zstdchunked', `threshold: ${threshold / 1000}kB`)
  const images = Array.from({ length: 12 }, (_, i) => {
    const noise = testTar().file(`f${i}`, randomBytes(100_000))
    return { tag: `v${i}`, built: buildImage({ layers: [buildLayer(noise.bytes())] }) }
  })
  const at = it.registry.repository('app')
  for (const { tag, built } of images) await pushBuilt(built, at, { tag })
  const run = { signal: t.signal, onEvent: () => {} }
  for (let i = 0; i < images.length; i += 3) {
    const some = images.slice(i, i + 3)
    await Promise.all(
      some.map(({ tag }) => it.service.convert({ source: `${it.registry.host}/app:${tag}` }, run)),
    )
    await it.service.collect()
    const kept = await filesIn(it.workDir)
    assert(kept.reduce((sum, size) => sum + size, 0) <= threshold, JSON.stringify(kept))
  }
  assert(it.registry.tags('app').includes('v11-x'))
  assert((await filesIn(it.workDir)).length > 0)
})

/** Sizes of the files of converted layers. */
async function filesIn(workDir: string): Promise<number[]> {
  const folder = join(workDir, 'blobs/sha256')
  const names = await readdir(folder)
  return Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
}
