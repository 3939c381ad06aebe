/** What `accelctl bench-read` asks of a registry, and what the programs ask that it follows: the same parts of blobs. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { loadImages } from '../../src/bench-read/variants.ts'
import { processStopwatch } from '../../src/bench-read/link.ts'
import { measure, type MeasureInit } from '../../src/bench-read/measure.ts'
import { parseConfig } from '../../src/config/load.ts'
import { openConversionService } from '../../src/convert/service.ts'
import { createLog } from '../../src/log/log.ts'
import { createRedaction } from '../../src/log/redaction.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { openWorkDirectory } from '../../src/store/work-directory.ts'
import { buildImage, buildLayer, pushBuilt } from '../../src/testing/image-builder.ts'
import { seeded } from '../../src/testing/random-file-tree.ts'
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import { createThreadPool } from '../../src/threads/pool.ts'
import { startLazyPuller } from './containerd.ts'
import { pullBootstrap } from './nydus-pull.ts'
import { mountNydus } from './nydusd.ts'
import { lacking, snapshotterCommand, stateFolder } from './programs.ts'

/** How the image is converted, by the tag suffix. */
const nydus = {
  v6: '{type: nydus}',
  v5: '{type: nydus, config: {fs_version: "5"}}',
  'v6-64k': '{type: nydus, config: {fs_chunk_size: "0x10000"}}',
  'v5-32k': '{type: nydus, config: {fs_version: "5", fs_chunk_size: "0x8000"}}',
  batch: '{type: nydus, config: {batch_size: "0x40000"}}',
  ref: '{type: nydus, config: {oci_ref: "true"}}',
} as const
const stargz = {
  esgz: '{type: estargz}',
  'esgz-100k': '{type: estargz, config: {chunk_size: "100000"}}',
  'esgz-prefetch': '{type: estargz, config: {prioritized_files: "a/large\\nb/3"}}',
  zstd: '{type: zstdchunked, config: {dialect: stargz}}',
} as const

const random = seeded(5)
/** Compresses to about half. */
const words = (size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = random(6) === 0 ? 32 : 97 + random(11)
  return bytes
}
const sizes = [100, 3000, 20_000, 70_000, 400_000]
const files: string[] = []
function layer(directory: string, large: number): ReturnType<typeof buildLayer> {
  const tar = testTar()
  for (let i = 0; i < 80; i++) {
    const path = `${directory}/${i % 7}/${i}`
    tar.file(path, words(sizes[random(i % 10 === 0 ? 5 : 4)]! + random(500)))
    files.push(path)
  }
  tar.file(`${directory}/large`, words(large))
  files.push(`${directory}/large`)
  return buildLayer(tar.bytes())
}
const layers = [layer('a', 5_500_000), layer('b', 2_300_000), layer('c', 40_000)]
/** Some of the files, in no order. */
const paths = [
  'a/large',
  ...Array.from({ length: 40 }, () => files[random(files.length)]!),
  'b/large',
]
const trace = paths.map((path) => ({ path }))

const log = createLog({ write: () => {}, redaction: createRedaction(), level: 'error' })
const { signal } = new AbortController()

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
mkdirSync(stateFolder, { recursive: true })
const folder = mkdtempSync(join(stateFolder, 'bench-read-'))
stack.defer(() => rmSync(folder, { recursive: true, force: true }))
const registry = stack.use(await startTestRegistry())
{
  await pushBuilt(buildImage({ layers }), registry.repository('app'), { tag: 'v1' })
  const rules = Object.entries({ ...nydus, ...stargz }).map(
    ([name, driver]) => `{name: ${name}, tag_suffix: -${name}, driver: ${driver}}`,
  )
  const yaml = `
provider: {source: {"${registry.host}": {}}, work_dir: ${folder}/work}
converter: {driver: {type: estargz}, rules: [${rules.join(', ')}]}`
  await using service = await openConversionService(parseConfig(yaml, 'c.yaml').config, { log })
  for (const rule of Object.keys({ ...nydus, ...stargz })) {
    await service.convert({ source: `${registry.host}/app:v1`, rule }, { signal, onEvent() {} })
  }
}
const client = createRegistryClient({ log }, { hosts: () => ({}) })
stack.defer(() => client.close())
const init: MeasureInit = {
  work: stack.use(await openWorkDirectory(`${folder}/work`)),
  threads: stack.use(createThreadPool()),
  stopwatch: processStopwatch,
  link: {},
  concurrency: undefined,
  signal,
}

/** Parts of blobs that were asked for meanwhile, sorted: digest and range. */
async function partsAsked(run: () => Promise<unknown>): Promise<string[]> {
  registry.clearRequests()
  await run()
  return registry
    .requests('GET blob')
    .filter(({ range }) => range !== undefined)
    .map(({ reference, range }) => `${reference} ${range}`)
    .toSorted()
}

/**
 * Reads the files below a directory one after the other, without the page cache: the kernel would read ahead, and both
 * programs ask again for what another read is just fetching.
 */
async function readAll(directory: string): Promise<void> {
  const buffer = Buffer.alloc(128 * 1024)
  for (const path of paths) {
    await using file = await open(join(directory, path), constants.O_RDONLY | constants.O_DIRECT)
    while ((await file.read(buffer, 0, buffer.length)).bytesRead > 0);
  }
}

async function partsMeasured(tag: string): Promise<string[]> {
  const repository = client.repository({ host: registry.host, repository: 'app' })
  const [image] = await loadImages(repository, tag, signal)
  return partsAsked(() => measure(image!, trace, init))
}

/**
 * What nydusd asks for. It hands out a chunk before it has kept those that came along, so that the next read, if it is
 * quick, asks for one of them again; such a run is repeated, with another cache.
 */
async function partsAskedByNydusd(variant: string, expected: readonly string[]): Promise<string[]> {
  const reference = `${registry.host}/app:v1-${variant}`
  const { bootstrap } = await pullBootstrap(reference, join(folder, `bootstrap-${variant}`))
  const backend = { type: 'registry', host: registry.host, repo: 'app' } as const
  for (let run = 1; ; run++) {
    const own = join(folder, `nydusd-${variant}-${run}`)
    mkdirSync(own)
    const asked = await partsAsked(async () => {
      await using mounted = await mountNydus(bootstrap, backend, own)
      await readAll(mounted.mountPoint)
    })
    if (asked.length <= expected.length || run === 5) return asked
  }
}

suite('bench-read asks as nydusd does', { skip: lacking('nydusd', 'skopeo') }, () => {
  for (const variant of Object.keys(nydus)) {
    test(`for parts of ${variant}`, async () => {
      const measured = await partsMeasured(`v1-${variant}`)
      assert(measured.length > 10, measured.join('\n'))
      assert.deepEqual(await partsAskedByNydusd(variant, measured), measured)
    })
  }
})

suite(
  'bench-read asks as the stargz snapshotter does',
  { skip: lacking('containerd', 'ctr-remote') },
  () => {
    for (const variant of Object.keys(stargz)) {
      test(`for parts of ${variant}`, async (t) => {
        const snapshotter = await snapshotterCommand()
        if (snapshotter === undefined) {
          const why = 'no containerd-stargz-grpc in PATH and no ACCEL_LAB that builds it'
          assert.equal(process.env.CI, undefined, why)
          return t.skip(`${why}; see docs/interop.md`)
        }
        const settings = 'no_background_fetch = true\n[blob]\nforce_single_range_mode = true\n'
        await using puller = await startLazyPuller(join(folder, variant), snapshotter, settings)
        const asked = await partsAsked(() =>
          puller.use(`${registry.host}/app:v1-${variant}`, readAll),
        )
        assert(asked.length > 10, asked.join('\n'))
        assert.deepEqual(await partsMeasured(`v1-${variant}`), asked)
      })
    }
  },
)
