import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openConversionService } from '../convert/service.ts'
import { createLog } from '../log/log.ts'
import { createRedaction } from '../log/redaction.ts'
import { createRegistryClient } from '../registry/client.ts'
import { openWorkDirectory } from '../store/work-directory.ts'
import { buildElf } from '../testing/build-elf.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { seeded } from '../testing/random-file-tree.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { createThreadPool } from '../threads/pool.ts'
import type { Trace } from '../trace/trace.ts'
import { benchRead } from './bench-read.ts'
import { measure, type MeasureInit } from './measure.ts'
import type { ImageReport, ReadReport } from './report.ts'
import { benchReadService, type BenchReadRequest } from './service.ts'
import { loadImages } from './variants.ts'

const random = seeded(11)
const filled = (size: number, byte: () => number): Buffer => {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = byte()
  return bytes
}
const noise = (size: number): Buffer => filled(size, () => random(256))
/** Compresses, and not to nothing. */
const words = (size: number): Buffer => filled(size, () => (random(6) === 0 ? 32 : 97 + random(11)))

const loader = '/lib64/ld-linux-x86-64.so.2'
const lower = testTar()
  .file('lib64/ld-linux-x86-64.so.2', Buffer.concat([buildElf(), noise(70_000)]))
  .file(
    'usr/bin/app',
    Buffer.concat([buildElf({ interpreter: loader, needed: ['liba.so'] }), noise(300_000)]),
    { mode: 0o755 },
  )
  .file('usr/lib/liba.so', Buffer.concat([buildElf(), words(200_000)]))
  .file('etc/passwd', 'below')
  .file('var/words', words(3_500_000))
  .symlink('share/link', '7')
for (let i = 0; i < 60; i++) lower.file(`share/${i}`, words(3000 + i))
const layers = [
  buildLayer(lower.bytes()),
  buildLayer(testTar().file('etc/passwd', 'root:x:0:0').hardlink('etc/link', 'etc/passwd').bytes()),
  buildLayer(testTar().whiteout('share/1').file('share/new', words(9000)).bytes()),
]
const config = { config: { Entrypoint: ['app'] } }
const started = ['usr/bin/app', 'lib64/ld-linux-x86-64.so.2', 'usr/lib/liba.so', 'etc/passwd']

const rules = {
  esgz: '{type: estargz}',
  small: '{type: estargz, config: {chunk_size: "65536", min_chunk_size: "50000"}}',
  first: '{type: estargz, config: {prioritized_files: "usr/bin/app\\nusr/lib/liba.so"}}',
  zstd: '{type: zstdchunked, config: {dialect: stargz}}',
  v6: '{type: nydus}',
  v5: '{type: nydus, config: {fs_version: "5"}}',
  batch: '{type: nydus, config: {batch_size: "262144"}}',
  list: '{type: nydus, config: {prefetch_patterns: "/share\\n/usr/bin/app"}}',
  ref: '{type: nydus, config: {oci_ref: "true"}}',
  podman: '{type: zstdchunked, config: {dialect: containers}}',
} as const
type Rule = keyof typeof rules

const redaction = createRedaction()
const log = createLog({ write: () => {}, redaction, level: 'error' })
const { signal } = new AbortController()

const folder = await mkdtemp(join(tmpdir(), 'bench-read-'))
const registry = await startTestRegistry()
after(async () => {
  await registry.close()
  await rm(folder, { recursive: true })
})

/** Text of a configuration for the registry. */
const yaml = (): string => `
provider: {source: {"${registry.host}": {}}, work_dir: ${folder}}
converter:
  driver: {type: estargz}
  rules: [${Object.entries(rules)
    .map(([name, driver]) => `{name: ${name}, tag_suffix: -${name}, driver: ${driver}}`)
    .join(', ')}]`

{
  const target = registry.repository('app')
  await pushBuilt(buildImage({ layers, config }), target, { tag: 'v1' })
  const other = lower.file('usr/lib/liba.so', 'other')
  const changed = buildImage({ layers: [buildLayer(other.bytes()), ...layers.slice(1)], config })
  await pushBuilt(changed, target, { tag: 'other' })
  await using service = await openConversionService(parseConfig(yaml(), 'c.yaml').config, {
    log,
    redaction,
  })
  for (const rule of Object.keys(rules)) {
    await service.convert({ source: `${registry.host}/app:v1`, rule }, { signal, onEvent() {} })
  }
}

/** Measures images of the repository by their tags; what was asked of the registry for each image is in `asked`. */
async function bench(
  tags: readonly string[],
  init: Partial<BenchReadRequest> = {},
): Promise<ReadReport & { asked: { requests: number; bytes: number }[] }> {
  const asked: { requests: number; bytes: number }[] = []
  let reading = false
  const settle = (): void => {
    const requests = registry.requests()
    const bytes = requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    if (reading) asked.push({ requests: requests.length, bytes })
    registry.clearRequests()
  }
  const report = await benchReadService(
    {
      references: tags.map((tag) => `${registry.host}/app:${tag}`),
      platforms: [],
      runs: 1,
      concurrency: undefined,
      link: {},
      signal,
      onStep(text) {
        settle()
        reading = text.startsWith('reading ')
      },
      ...init,
    },
    { log, redaction },
    { config: parseConfig(yaml(), 'c.yaml').config },
  )
  settle()
  return { ...report, asked }
}

/** Measures one image, of which nothing was made. */
async function one(rule: Rule, trace: Trace): Promise<ImageReport> {
  const { digest } = registry.manifest('app', `v1-${rule}`)!
  const references = [`${registry.host}/app@${digest}`]
  const { images } = await bench([], { references, trace: { file: 't', trace } })
  return images[0]!
}

const whole = (...paths: string[]): Trace => paths.map((path) => ({ path }))

suite('reading images of the registry as the readers of their formats do', () => {
  const formats: Record<Rule, ImageReport['format']> = {
    esgz: 'estargz',
    small: 'estargz',
    first: 'estargz',
    zstd: 'zstd-chunked',
    v6: 'nydus-v6',
    v5: 'nydus-v5',
    batch: 'nydus-v6',
    list: 'nydus-v6',
    ref: 'nydus-ref',
    podman: 'ordinary',
  }
  test('counts what the registry saw, and finds the same content in all', async () => {
    const names = Object.keys(rules)
    const { images, asked, trace } = await bench(['v1', ...names.map((name) => `v1-${name}`)])
    assert.deepEqual(
      images.map(({ requests, bytes }) => ({ requests, bytes })),
      asked,
    )
    assert.deepEqual(
      images.map(({ format }) => format),
      ['ordinary', ...Object.values(formats)],
    )
    assert.deepEqual(trace, { reads: { 'linux/amd64': started.length }, notes: [] })
    for (const { format, share, reads, missing, size } of images) {
      assert.equal(missing, 0)
      assert(size > 2_000_000, `${format}: ${size}`)
      if (format === 'ordinary') assert.deepEqual([reads.requests, reads.bytes], [0, 0])
      else assert(share < 0.9, `${format}: ${share}`)
    }
  })

  test('is the same however often it runs, and with another number of layers at a time', async () => {
    const trace = { file: 't', trace: whole('usr/bin/app', 'share/40') }
    for (const rule of ['esgz', 'v6'] as const) {
      const tags = [`v1-${rule}`, 'v1']
      const once = await bench(tags, { trace })
      const often = await bench(tags, { trace, runs: 3, concurrency: 1 })
      const traffic = ({ images }: ReadReport): number[][] =>
        images.map(({ requests, bytes }) => [requests, bytes])
      assert.deepEqual(traffic(often), traffic(once))
      assert.equal(often.runs, 3)
    }
  })

  test('asks for nothing twice', async () => {
    for (const rule of ['esgz', 'small', 'zstd', 'v6', 'v5', 'batch', 'ref'] as const) {
      const once = await one(rule, whole('var/words', 'share/7'))
      const twice = await one(rule, whole('var/words', 'share/7', 'var/words', 'share/7'))
      assert.deepEqual(
        [twice.reads.requests, twice.reads.bytes],
        [once.reads.requests, once.reads.bytes],
      )
    }
  })

  test('a part of a file costs its chunks', async () => {
    const part = { path: 'var/words', range: { offset: 3_400_000, length: 10 } }
    for (const rule of ['small', 'v6', 'v5'] as const) {
      const all = await one(rule, whole('var/words'))
      const some = await one(rule, [part])
      assert(some.reads.bytes < all.reads.bytes / 2, `${rule}: ${some.reads.bytes}`)
      assert.equal(some.reads.requests, 1)
    }
    // behind the end there is nothing to read
    const behind = { path: 'var/words', range: { offset: 9_000_000, length: 10 } }
    assert.equal((await one('v6', [behind])).reads.requests, 0)
  })

  test('what is prefetched need not be asked for', async () => {
    const { prefetch, reads } = await one('first', whole('usr/bin/app', 'usr/lib/liba.so'))
    assert.deepEqual([prefetch.requests, reads.requests], [1, 0])
    assert(prefetch.bytes > 300_000 && prefetch.bytes < 600_000, String(prefetch.bytes))
    const listed = await one('list', whole('share/33', 'usr/bin/app'))
    assert(listed.prefetch.requests > 0)
    assert.equal(listed.reads.requests, 0)
    const all = await one('v6', whole('share/33'))
    assert.equal(all.prefetch.requests, 0)
    assert.match(all.notes.join(), /in the background/)
  })

  test('finds what was made of an image beside it', async () => {
    const { images } = await bench(['v1'], { trace: { file: 't', trace: [] } })
    const tags = images.map(({ image }) => image.slice(`${registry.host}/app:`.length))
    assert.deepEqual(
      tags.toSorted(),
      ['v1', ...Object.keys(rules).map((name) => `v1-${name}`)].toSorted(),
    )
  })

  test('finds what names it as its subject, whatever its tag', async () => {
    const { config: linking } = parseConfig(`${yaml()}\n  harbor_annotation: true`, 'c.yaml')
    await using service = await openConversionService(linking, { log, redaction })
    const app = `${registry.host}/app`
    const convertTo = (target: string): Promise<unknown> =>
      service.convert({ source: `${app}:other`, target }, { signal, onEvent() {} })
    const found = async (reference: string): Promise<string[]> => {
      const init = { references: [reference], trace: { file: 't', trace: [] } }
      return (await bench([], init)).images.map(({ image }) => image)
    }
    await convertTo(`${app}:lazy`)
    const [other, lazy] = ['other', 'lazy'].map((tag) => registry.manifest('app', tag)!.digest)
    assert.deepEqual(await found(`${app}:other`), [`${app}:other`, `${app}@${lazy}`])
    assert.deepEqual(await found(`${app}@${other}`), [`${app}@${other}`, `${app}@${lazy}`])
    // what is found by its tag is not measured once more
    await convertTo(`${app}:other-lazy`)
    assert.equal(registry.manifest('app', 'other-lazy')!.digest, lazy)
    assert.deepEqual(await found(`${app}:other`), [`${app}:other`, `${app}:other-lazy`])
  })

  test('paths that are none are counted, links and directories followed', async () => {
    const trace = whole('none', 'usr/bin', 'share/link', 'usr/../share/7')
    const { missing, reads } = await one('esgz', trace)
    assert.equal(missing, 2)
    // both are one file
    assert.equal(reads.requests, 1)
  })

  test('other content is an error that names the path', async () => {
    const trace = { file: 't', trace: whole('etc/passwd', 'usr/lib/liba.so') }
    await assert.rejects(bench(['v1-v6', 'other'], { trace }), {
      code: 'BENCH_CONTENT_DIFFERS',
      message: `usr/lib/liba.so is not the same in ${registry.host}/app:other and in ${registry.host}/app:v1-v6`,
    })
  })

  test('hosts that are not configured are not asked', async () => {
    const references = ['127.0.0.1:1/app:v1']
    await assert.rejects(bench([], { references }), { code: 'REGISTRY_HOST_NOT_CONFIGURED' })
  })

  test('an ordinary image alone needs no trace, and says so', async () => {
    const { trace, images } = await bench(['v1', 'v1'])
    assert.deepEqual(trace.notes, ['no image is read lazily: nothing is replayed'])
    assert.equal(images[0]!.share > 0.99, true)
  })
})

suite('a measurement', () => {
  async function init(stopwatch = createFakeClock()): Promise<MeasureInit & AsyncDisposable> {
    const stack = new AsyncDisposableStack()
    const work = stack.use(await openWorkDirectory(folder))
    const threads = stack.use(createThreadPool())
    return {
      work,
      threads,
      stopwatch,
      signal,
      concurrency: undefined,
      link: { latencyMs: 40 },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  }

  test('waits before each request, and for the bytes of answers', async () => {
    await using client = closing(createRegistryClient({ log, redaction }, { hosts: () => ({}) }))
    const repository = client.repository({ host: registry.host, repository: 'app' })
    for (const rule of ['esgz', 'v6'] as const) {
      const clock = createFakeClock()
      await using parts = await init(clock)
      const [image] = await loadImages(repository, `v1-${rule}`, signal)
      const { open, prefetch, reads, lastByteMs } = await measure(image!, whole('share/3'), parts)
      const requests = open.requests + prefetch.requests + reads.requests
      assert.deepEqual(
        clock.sleeps,
        Array.from({ length: requests }, () => 40),
      )
      assert.equal(lastByteMs, requests * 40)

      const slow = createFakeClock()
      await using narrow = { ...(await init(slow)), link: { bytesPerSecond: 1000 } }
      const done = await measure(image!, whole('share/3'), narrow)
      const bytes = done.open.bytes + done.prefetch.bytes + done.reads.bytes
      assert.equal(Math.round(done.lastByteMs), bytes)
    }
  })

  test('bytes that are not what a table says end it', async () => {
    await using client = closing(createRegistryClient({ log, redaction }, { hosts: () => ({}) }))
    const repository = client.repository({ host: registry.host, repository: 'app' })
    for (const rule of ['esgz', 'zstd', 'v6', 'v5', 'ref'] as const) {
      await using parts = await init()
      const [image] = await loadImages(repository, `v1-${rule}`, signal)
      const blobRange: typeof repository.blobRange = async (descriptor, range, call) => {
        const bytes = await repository.blobRange(descriptor, range, call)
        // in the middle of var/words, and in no table
        if (bytes.length > 400_000) bytes[300_000]! ^= 1
        return bytes
      }
      const damaged = { ...image!, repository: { ...repository, blobRange } }
      await assert.rejects(measure(damaged, whole('var/words'), parts), {
        code: /^(CONTENT_DIGEST_MISMATCH|FORMAT_INVALID|FORMAT_TRUNCATED)$/,
      })
    }
  })

  test('stops when it is told to', async () => {
    await using parts = await init()
    await using client = closing(createRegistryClient({ log, redaction }, { hosts: () => ({}) }))
    const repository = client.repository({ host: registry.host, repository: 'app' })
    const images = await loadImages(repository, 'v1-v6', signal)
    const controller = new AbortController()
    const running = benchRead(images, {
      ...parts,
      signal: controller.signal,
      runs: 1000,
      onStep: (text) => void (text.includes('run 3') && controller.abort()),
    })
    await assert.rejects(running, (error: Error) => /abort/i.test(`${error.name} ${error.message}`))
  })
})

function closing<Client extends { close(): Promise<void> }>(
  client: Client,
): Client & AsyncDisposable {
  return { ...client, [Symbol.asyncDispose]: () => client.close() }
}
