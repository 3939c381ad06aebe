/** Tasks that are never lost and never done twice, with the whole daemon. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { runSoak } from '../../scripts/soak/run.ts'
import { isAccelError } from '../../src/errors/accel-error.ts'
import {
  buildCosignSignature,
  buildHelmChart,
  buildImage,
  buildIndex,
  buildLayer,
  cosignTag,
  pushBuilt,
  type BuiltImage,
} from '../../src/testing/image-builder.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { startTestRegistry, type TestRegistry } from '../../src/testing/registry/test-registry.ts'
import { DAEMON_HEADER, startTestDaemon } from '../../src/testing/service/daemon.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

const scratch = await mkdtemp(join(tmpdir(), 'durable-tasks-'))
after(() => rm(scratch, { recursive: true, force: true }))

let folders = 0
const newWorkDir = (): string => join(scratch, `work-${(folders += 1)}`)

const image = (...names: string[]): BuiltImage =>
  buildImage({
    layers: names.map((name) => buildLayer(testTar().file(name, randomBytes(20_000)).bytes())),
  })

/** Pushes as a client does, so that webhooks are sent; `registry.repository` would not tell anybody. */
async function pushAs(
  registry: TestRegistry,
  repository: string,
  tag: string,
  what: BuiltImage,
): Promise<string> {
  const client = createRegistryClient({}, { hosts: () => ({}) })
  await pushBuilt(what, client.repository({ host: registry.host, repository }), { tag })
  await client.close()
  return what.descriptor.digest
}

/** Blobs that were uploaded, by repository and digest, and how often. */
function uploads(registry: TestRegistry): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { kind, status, repository, query } of registry.requests()) {
    if (!/^(POST|PUT) upload$/.test(kind) || status !== 201 || query['mount']) continue
    const key = `${repository}@${query['digest']}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

test('the daemon is killed while clients push: nothing is lost, done twice, stale or left', async () => {
  const said: string[] = []
  const result = await runSoak({
    seed: 42,
    images: 6,
    pushes: 18,
    clients: 3,
    kills: 3,
    say: (line) => said.push(line),
  })
  assert.deepEqual(result.findings, [], said.join('\n'))
  assert.equal(result.kills, 3)
  assert.ok(result.webhooks >= 18)
})

test('the same 50 webhooks, three times each: no conversion runs twice', async () => {
  await using registry = await startTestRegistry({ operator: 'developer' })
  await using daemon = await startTestDaemon({ workDir: newWorkDir(), registry: registry.host })
  registry.webhook({ url: daemon.url, authHeader: DAEMON_HEADER, copies: 3 })
  for (let i = 0; i < 50; i++) await pushAs(registry, `many/app-${i % 7}`, `v${i}`, image(`${i}`))
  registry.clearRequests()
  const deliveries = await registry.deliveries()
  assert.ok(deliveries.length >= 150)
  assert.ok(deliveries.every(({ delivered }) => delivered))
  const tasks = await daemon.idle()
  assert.deepEqual(
    tasks.filter(({ status }) => status === 'FAILED'),
    [],
  )
  const twice = [...uploads(registry)].filter(([, count]) => count > 1)
  assert.deepEqual(twice, [])
  const converted = daemon.lines.filter((line) => line.includes('msg="converted image'))
  assert.ok(converted.length <= 50, `${converted.length} conversions`)
  for (let i = 0; i < 50; i++) {
    assert.ok(registry.manifest(`many/app-${i % 7}`, `v${i}-esgz`), `v${i}-esgz`)
  }
})

test('D-14, D-15, D-20, D-21: members of an index, own pushes, charts and signatures make no tag', async () => {
  await using registry = await startTestRegistry({ operator: 'developer' })
  await using daemon = await startTestDaemon({ workDir: newWorkDir(), registry: registry.host })
  registry.webhook({ url: daemon.url, authHeader: DAEMON_HEADER })
  const repository = 'rough/app'
  const app = image('a')
  await pushAs(registry, repository, 'v1', buildIndex([app, image('b')]))
  await pushAs(registry, repository, cosignTag(app), buildCosignSignature(app))
  await pushAs(registry, repository, 'chart', buildHelmChart())
  // the tag of a user that happens to end as ours do is an image like any other
  await pushAs(registry, repository, 'mine-esgz', image('c'))
  await registry.deliveries()
  await daemon.idle()
  // what the daemon has pushed itself was told to it as well
  await registry.deliveries()
  const tasks = await daemon.idle()
  assert.deepEqual(registry.tags(repository), [
    'chart',
    'mine-esgz',
    'mine-esgz-esgz',
    cosignTag(app),
    'v1',
    'v1-esgz',
  ])
  const skipped = (tag: string): string | undefined =>
    tasks.find(({ source }) => source.endsWith(`:${tag}`))?.reason
  assert.match(skipped('chart') ?? '', /it is no image but an artifact of type .*helm/)
  assert.match(skipped('v1-esgz') ?? '', /it has been converted already, by the driver estargz/)
})

test('D-13: a second push of a tag during the conversion of the first is the one that counts', async () => {
  await using registry = await startTestRegistry()
  const gate = Promise.withResolvers<void>()
  registry.fault({ on: 'GET blob', then: { hold: gate.promise } })
  await using daemon = await startTestDaemon({ workDir: newWorkDir(), registry: registry.host })
  const push = async (what: BuiltImage): Promise<string> => {
    const digest = await pushAs(registry, 'mutable/app', 'latest', what)
    await daemon.push(`${registry.host}/mutable/app:latest`, { digest })
    return digest
  }
  const old = await push(image('old'))
  const now = await push(image('new'))
  gate.resolve()
  const tasks = await daemon.idle()
  assert.deepEqual(
    tasks.map(({ source_digest, target }) => [source_digest, target !== undefined]),
    [
      [now, true],
      [old, false],
    ],
  )
})

test('a registry that fails in the middle: the task waits and goes on with what it has', async () => {
  await using registry = await startTestRegistry()
  await pushAs(registry, 'down/app', 'v1', image('a', 'b'))
  await using daemon = await startTestDaemon({
    workDir: newWorkDir(),
    registry: registry.host,
    converter: 'worker: 1, retry_pause: 1',
  })
  registry.clearRequests()
  // a registry that is away, 502 to 504, would be waited for within the attempt
  const down = registry.fault({ on: 'PUT manifest', then: { status: 500 }, times: 6 })
  const answer = await daemon.push(`${registry.host}/down/app:v1`, { sync: true })
  assert.equal(answer.status, 200, await answer.text())
  assert.equal(down.met, 6)
  const pulls = registry.requests('GET blob').map(({ reference }) => reference)
  assert.equal(new Set(pulls).size, 3)
  // the config is read again, layers are not
  assert.equal(pulls.length, 4)
  assert.ok(daemon.lines.some((line) => /it is tried again in \d+ s" attempt=1/.test(line)))
})

test('tokens that expire in the middle of a conversion', async () => {
  const account = { username: 'robot', password: 'r' }
  await using registry = await startTestRegistry({
    auth: { kind: 'bearer', users: { robot: 'r' } },
  })
  const moments = ['GET blob', 'PUT manifest'] as const
  for (const on of moments) {
    const gate = Promise.withResolvers<void>()
    registry.fault({
      on,
      then: { hold: gate.promise },
      match: {
        where() {
          registry.expireTokens()
          gate.resolve()
          return true
        },
      },
    })
  }
  await pushBuilt(image('a', 'b', 'c'), registry.repository('token/app'), { tag: 'v1' })
  await using daemon = await startTestDaemon({
    workDir: newWorkDir(),
    registry: registry.host,
    account,
  })
  const answer = await daemon.push(`${registry.host}/token/app:v1`, { sync: true })
  assert.equal(answer.status, 200, await answer.text())
  assert.ok(registry.manifest('token/app', 'v1-esgz'))
  // the first challenge, and one more for each time
  assert.ok(registry.requests({ status: 401 }).length > moments.length)
})

test('a second daemon on the same work directory says so and ends', async () => {
  const workDir = newWorkDir()
  await using _first = await startTestDaemon({ workDir, registry: 'localhost:1' })
  await assert.rejects(startTestDaemon({ workDir, registry: 'localhost:1' }), (error) =>
    isAccelError(error, 'STORE_LOCKED'),
  )
})

test('a database that is damaged is moved aside as it is, and the service serves', async () => {
  const workDir = newWorkDir()
  await mkdir(workDir)
  const damaged = Buffer.from('no database, but long enough to be taken for one. '.repeat(100))
  await writeFile(join(workDir, 'accel.db'), damaged)
  await using daemon = await startTestDaemon({ workDir, registry: 'localhost:1' })
  assert.deepEqual(await daemon.tasks(), [])
  const [aside = ''] = (await readdir(workDir)).filter((name) => /\.db\.damaged-[^.]*$/.test(name))
  assert.deepEqual(await readFile(join(workDir, aside)), damaged)
})

test('a disk that is full: an order is refused with 503, what runs is not lost, and all goes on when there is room', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root, to mount a small file system')
  const small = join(scratch, 'small')
  await mkdir(small)
  const run = promisify(execFile)
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]).catch(
    (error: Error) => error,
  )
  if (mounted instanceof Error) {
    assert.ok(!process.env['CI'], `CI must be able to mount: ${mounted.message}`)
    return t.skip('tmpfs cannot be mounted here')
  }
  try {
    const workDir = join(small, 'work')
    await orderOnFullDisk(small, workDir)
    assert.deepEqual(await readdir(join(workDir, 'blobs/sha256')), [])
  } finally {
    await run('umount', [small])
  }
})

async function orderOnFullDisk(small: string, workDir: string): Promise<void> {
  await using registry = await startTestRegistry()
  await pushAs(registry, 'full/app', 'v1', image('a'))
  await using daemon = await startTestDaemon({
    workDir,
    registry: registry.host,
    converter: 'worker: 1, retry_pause: 1',
  })
  const reference = `${registry.host}/full/app:v1`
  const filler = join(small, 'filler')
  await writeFile(filler, Buffer.alloc(16 * 1024 * 1024)).catch(() => undefined)
  let refused: Response | undefined
  // what room there is in the log of the database takes some orders
  for (let i = 0; i < 2000 && refused === undefined; i++) {
    const answer = await daemon.push(`${registry.host}/full/app:x${i}`, {
      digest: `sha256:${'0'.repeat(64)}`,
    })
    if (answer.status !== 200) refused = answer
    else await answer.arrayBuffer()
  }
  assert.equal(refused?.status, 503)
  assert.match(await refused.text(), /"code":"ERR_UNHEALTHY".*could not be stored: no space left/)
  const health = await fetch(daemon.url.replace('conversions', 'health'))
  assert.equal(health.status, 500)
  await rm(filler)
  const answer = await daemon.push(reference, { sync: true })
  assert.equal(answer.status, 200, await answer.text())
  await daemon.idle()
}
