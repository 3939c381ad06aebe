import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { configuredRegistry } from '../convert/registry-hosts.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { createLog, silentLog } from '../log/log.ts'
import { ACCELERATION_SOURCE_DIGEST } from '../oci/annotation.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { buildHelmChart, buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import type { TaskOrder } from '../tasks/task.ts'
import { createReconciler, type Reconciler } from './reconciler.ts'

const users = { robot: 'secret' }
const auth = Buffer.from('robot:secret').toString('base64')
const layer = buildLayer(testTar().file('a', 'hello').bytes())
let made = 0

/** Another image each time, so that each has a digest of its own. */
const newImage = (annotations: Record<string, string> = {}) =>
  buildImage({ layers: [layer], config: { author: String((made += 1)) }, annotations })

interface Setup extends AsyncDisposable {
  registry: TestRegistry
  reconciler: Reconciler
  /** Lanes of what was queued. */
  queued: string[]
  orders: TaskOrder[]
  lines: string[]
  clock: ReturnType<typeof createFakeClock>
  push(repository: string, tag: string, image?: ReturnType<typeof newImage>): Promise<string>
}

async function setUp(
  init: TestRegistryInit = {},
  yaml: { reconcile?: string; source?: string; rules?: string } = {},
  queue: { waiting?: () => number; earlier?: { source: string }[] } = {},
): Promise<Setup> {
  const registry = await startTestRegistry({ auth: { kind: 'bearer', users }, ...init })
  const { rules = '[{ tag_suffix: -esgz }]', source = '{}' } = yaml
  const config: Config = parseConfig(
    `provider: { source: { "${registry.host}": { auth: ${auth}, reconcile: ${source} } } }
converter: { driver: { type: estargz }, rules: ${rules} }
reconcile: ${yaml.reconcile ?? '{}'}`,
    'config.yaml',
  ).config
  const orders: TaskOrder[] = []
  const lines: string[] = []
  const clock = createFakeClock()
  const reconciler = createReconciler({
    config,
    clock,
    log: createLog({ write: (line) => lines.push(line) }),
    async useRegistry(work) {
      const client = configuredRegistry(config, { log: silentLog }, { environment: {} })
      try {
        return await work(client)
      } finally {
        await client.close()
      }
    },
    queue: {
      submit: async (order) => {
        orders.push(order)
        return { task: order as never, joined: false, done: new Promise(() => undefined) }
      },
      list: (filter) => ({
        tasks: (queue.earlier ?? []).filter(({ source }) =>
          source.includes(filter?.text ?? ''),
        ) as never,
      }),
      counts: () => ({ waiting: queue.waiting?.() ?? 0, running: 0 }),
    },
  })
  return {
    registry,
    reconciler,
    orders,
    lines,
    clock,
    get queued() {
      return orders.map(({ lane }) => lane.replace(registry.host, 'HOST')).toSorted()
    },
    push: async (repository, tag, image = newImage()) =>
      (await pushBuilt(image, registry.repository(repository), { tag })).digest,
    async [Symbol.asyncDispose]() {
      await reconciler.stop()
      await registry.close()
    },
  }
}

const kinds: [name: string, init: TestRegistryInit][] = [
  ['a plain registry', { pageSize: 2 }],
  ['Harbor', { harbor: { projects: ['demo', 'cache'], proxyProjects: ['cache'] } }],
]
for (const [name, init] of kinds) {
  test(`${name}: what has no result, or an old one, is queued by its digest; the rest is left alone`, async () => {
    await using at = await setUp(init)
    const fresh = await at.push('demo/app', 'v1')
    const done = await at.push('demo/app', 'v2')
    await at.push('demo/app', 'v2-esgz', newImage({ [ACCELERATION_SOURCE_DIGEST]: done }))
    const moved = await at.push('demo/team/b', 'latest')
    await at.push('demo/team/b', 'latest-esgz', newImage({ [ACCELERATION_SOURCE_DIGEST]: done }))
    // a result whose source is gone, a chart, and a tag of cosign
    await at.push('demo/c', 'gone-esgz', newImage({ [ACCELERATION_SOURCE_DIGEST]: done }))
    await at.push('demo/c', `sha256-${'0'.repeat(64)}.sig`)
    const report = await at.reconciler.run({ dryRun: false })
    assert.deepEqual(at.queued, ['HOST/demo/app:v1', 'HOST/demo/team/b:latest'])
    assert.deepEqual(new Set(at.orders.map(({ digest }) => digest)), new Set([fresh, moved]))
    const [host] = report.hosts
    assert.deepEqual(
      { ...host, host: '' },
      { host: '', images: 7, upToDate: 1, notWanted: 4, triedBefore: 0, failed: 0, queued: 2 },
    )
    assert.ok(at.lines.some((line) => /searched .*7 tags, 1 results up to date/.test(line)))
  })
}

test('Harbor lists no charts and nothing of projects that cache another registry', async () => {
  await using at = await setUp({ harbor: { proxyProjects: ['cache'] } })
  await at.push('demo/chart', 'v1', buildHelmChart())
  await at.push('cache/app', 'v1')
  await at.push('demo/app', 'v1')
  await at.reconciler.run({ dryRun: false })
  assert.deepEqual(at.queued, ['HOST/demo/app:v1'])
})

test('a dry run says what would be queued, and queues nothing', async () => {
  await using at = await setUp({}, { rules: '[{ tag_suffix: -a }, { name: b, tag_suffix: -b }]' })
  await at.push('demo/app', 'v1')
  const report = await at.reconciler.run({ dryRun: true })
  assert.deepEqual(at.orders, [])
  assert.equal(report.hosts[0]?.queued, 2)
  assert.deepEqual(
    report.queued.map((lane) => lane.replace(at.registry.host, 'HOST')),
    ['HOST/demo/app:v1', 'HOST/demo/app:v1 by b'],
  )
})

test('rules and patterns decide what is looked at', async () => {
  await using at = await setUp(
    {},
    {
      rules: '[{ name: v, tag_suffix: -v, when: [{ tag: v* }] }]',
      source: '{ repositories: "demo/**" }',
    },
  )
  await at.push('demo/app', 'v1')
  await at.push('demo/app', 'x1')
  await at.push('other/app', 'v1')
  const report = await at.reconciler.run({ dryRun: false })
  assert.deepEqual(at.queued, ['HOST/demo/app:v1 by v'])
  assert.equal(report.hosts[0]?.images, 2)
})

test('an account that may not list repositories is told what to do; named repositories need no list', async () => {
  const denied = {
    faults: [{ on: 'GET catalog' as const, then: { status: 403 }, times: Infinity }],
  }
  await using at = await setUp(denied)
  await at.push('demo/app', 'v1')
  const report = await at.reconciler.run({ dryRun: false })
  assert.equal(report.hosts[0]?.error?.code, 'RECONCILE_LIST_REFUSED')
  assert.match(report.hosts[0].error.hint, /reconcile\.repositories/)
  assert.deepEqual(at.queued, [])
  await using named = await setUp(denied, { source: '{ repositories: [demo/app] }' })
  await named.push('demo/app', 'v1')
  await named.reconciler.run({ dryRun: false })
  assert.deepEqual(named.queued, ['HOST/demo/app:v1'])
})

test('one repository that cannot be read does not end the search', async () => {
  await using at = await setUp({
    faults: [
      { on: 'GET tags', then: { status: 403 }, times: Infinity, match: { repository: 'a/closed' } },
    ],
  })
  await at.push('a/closed', 'v1')
  await at.push('b/open', 'v1')
  const report = await at.reconciler.run({ dryRun: false })
  assert.deepEqual(at.queued, ['HOST/b/open:v1'])
  assert.equal(report.hosts[0]?.failed, 1)
  assert.ok(at.lines.some((line) => /a\/closed is passed over by the search/.test(line)))
})

test('what failed before, or needed nothing, is not tried again for the same digest', async () => {
  const earlier: { source: string }[] = []
  await using at = await setUp({}, {}, { earlier })
  const [failed, needless, old] = [
    await at.push('demo/failed', 'v1'),
    await at.push('demo/needless', 'v1'),
    await at.push('demo/old', 'v1'),
  ]
  const task = (name: string, more: object) => ({
    source: `${at.registry.host}/demo/${name}:v1`,
    lane: `${at.registry.host}/demo/${name}:v1`,
    ...more,
  })
  earlier.push(
    task('failed', { state: 'failed', digest: failed }),
    task('needless', { state: 'completed', digest: needless, outcome: { skipped: 'no image' } }),
    task('old', { state: 'failed', digest: `sha256:${'0'.repeat(64)}` }),
  )
  const report = await at.reconciler.run({ dryRun: false })
  assert.deepEqual(at.queued, ['HOST/demo/old:v1'])
  assert.equal(at.orders[0]?.digest, old)
  assert.equal(report.hosts[0]?.triedBefore, 2)
})

test('a full queue is waited for, requests are paced, and one search runs at a time', async () => {
  let waiting = 3
  const reconcile = '{ max_waiting: 2, requests_per_second: 4 }'
  const shrinking = { waiting: () => (waiting -= 1) + 1 }
  await using at = await setUp({}, { reconcile }, shrinking)
  await at.push('demo/app', 'v1')
  const first = at.reconciler.run({ dryRun: false })
  await assert.rejects(at.reconciler.run({ dryRun: false }), (error) =>
    isAccelError(error, 'RECONCILE_RUNNING'),
  )
  await first
  assert.deepEqual(at.queued, ['HOST/demo/app:v1'])
  const { sleeps } = at.clock
  assert.equal(sleeps.filter((ms) => ms === 1000).length, 2)
  assert.ok(sleeps.filter((ms) => ms === 250).length >= 2, String(sleeps))
})
