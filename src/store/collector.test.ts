import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openDatabase } from '../database/database.ts'
import { digestOf } from '../oci/digest.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { Collector, type CollectPolicy } from './collector.ts'
import { Content } from './content.ts'
import { openLayerStore, type LayerStore } from './layer-store.ts'
import { openPlacements } from './placements.ts'
import { storeSchema } from './schema.ts'
import { databasePath, openStore } from './store.ts'
import { openWorkDirectory } from './work-directory.ts'

const HOUR = 3_600_000
const BLOB = 10_000

interface Fixture extends AsyncDisposable {
  layers: LayerStore<string>
  collector: Collector
  clock: { now: number }
  /** Puts a layer of BLOB bytes and lets it go; `uses`: how often somebody needed it. */
  put(name: string, uses?: number): Promise<void>
  /** The layers that are there, by name. */
  names(...all: string[]): string[]
}

async function fixture(workDir: string, policy: CollectPolicy): Promise<Fixture> {
  const stack = new AsyncDisposableStack()
  const work = stack.use(await openWorkDirectory(workDir))
  const database = stack.use(openDatabase(databasePath(workDir), [storeSchema]))
  const content = new Content(database, workDir)
  const clock = { now: 1_000_000 }
  const layers = openLayerStore<string>(database, content, work, { now: () => clock.now })
  const collector = new Collector(database, content, { workDir, policy })
  return {
    layers,
    collector,
    clock,
    async put(name, uses = 1) {
      const ingest = work.ingest()
      const bytes = Buffer.alloc(BLOB, name)
      await writeFile(ingest.path, bytes)
      await layers.put('task:0', name, name, { ingest, digest: digestOf(bytes), size: BLOB })
      for (let i = 1; i < uses; i++) layers.hold(`task:${i}`, name)
      for (let i = 0; i < uses; i++) layers.release(`task:${i}`)
    },
    names: (...all) =>
      all.filter((name) => layers.hold('task:look', name) && (layers.release('task:look'), true)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const workDirectory = async (t: TestContext): Promise<string> =>
  join(await temporaryDirectory(t), 'work')

test('what was unused for longest goes first, and only what is too much', async (t) => {
  await using it = await fixture(await workDirectory(t), { high: 45_000, low: 25_000 })
  for (const name of ['a', 'b', 'c', 'd']) {
    await it.put(name)
    it.clock.now += HOUR
  }
  assert.deepEqual(await it.collector.run(), [])
  await it.put('e')
  const removed = await it.collector.run()
  assert.deepEqual(
    removed.map(({ key }) => key),
    ['a', 'b', 'c'],
  )
  assert(removed.every(({ bytes, uses }) => bytes >= BLOB && uses === 1))
  assert.deepEqual(it.names('a', 'b', 'c', 'd', 'e'), ['d', 'e'])
})

test('what all content takes is known without a look at each, also after an upgrade', async (t) => {
  const workDir = await workDirectory(t)
  const path = databasePath(workDir)
  const sum = (): number => {
    using database = openDatabase(path, [storeSchema])
    return Number(
      database.connection.prepare('SELECT sum(size) AS bytes FROM content').get()!['bytes'],
    )
  }
  {
    await using it = await fixture(workDir, { high: 1e9, low: 1e9 })
    for (const name of ['a', 'b', 'c', 'b']) await it.put(name)
    const { content } = await it.collector.usage()
    assert.equal(content, sum())
    assert(content > 3 * BLOB)
  }
  {
    await using it = await fixture(workDir, { high: 25_000, low: 15_000 })
    assert.equal((await it.collector.run()).length, 2)
    assert.equal((await it.collector.usage()).content, sum())
  }
  // A database that an earlier release has written.
  const older = { ...storeSchema, steps: storeSchema.steps.slice(0, 2) }
  const old = await workDirectory(t)
  {
    using database = openDatabase(databasePath(old), [older])
    database.connection.exec("INSERT INTO content VALUES ('sha256:00', 7, 0)")
  }
  using database = openDatabase(databasePath(old), [storeSchema])
  const total = database.connection.prepare('SELECT bytes FROM content_total').get()
  assert.equal(total?.['bytes'], 7)
})

test('the order is the same after a restart, and many uses outweigh some hours', async (t) => {
  const workDir = await workDirectory(t)
  const policy = { high: 25_000, low: 15_000 }
  {
    await using it = await fixture(workDir, { high: 1e9, low: 1e9 })
    await it.put('base', 9)
    it.clock.now += 24 * HOUR
    await it.put('older')
    it.clock.now += HOUR
    await it.put('newer')
  }
  await using it = await fixture(workDir, policy)
  const planned = (await it.collector.plan()).map(({ key }) => key)
  assert.deepEqual(planned, ['older', 'newer'])
  assert.deepEqual(
    (await it.collector.run()).map(({ key }) => key),
    planned,
  )
  assert.deepEqual(it.names('base', 'older', 'newer'), ['base'])
})

test('what somebody needs stays, however much that is', async (t) => {
  await using it = await fixture(await workDirectory(t), { high: 15_000, low: 5_000 })
  for (const name of ['a', 'b', 'c']) {
    await it.put(name)
    it.layers.hold('task:running', name)
  }
  await it.put('d')
  assert.deepEqual(
    (await it.collector.run()).map(({ key }) => key),
    ['d'],
  )
  const { content, needed, layers } = await it.collector.usage()
  assert.equal(layers, 3)
  assert.equal(content, needed)
  it.layers.release('task:running')
  await it.collector.run()
  assert.equal((await it.collector.usage()).layers, 0)
})

test('files under way count', async (t) => {
  const workDir = await workDirectory(t)
  await using it = await fixture(workDir, { high: 45_000, low: 45_000 })
  await it.put('a')
  await using other = await openWorkDirectory(workDir)
  await writeFile(other.ingest().path, Buffer.alloc(50_000))
  assert((await it.collector.usage()).underWay >= 50_000)
  assert.deepEqual(
    (await it.collector.run()).map(({ key }) => key),
    ['a'],
  )
})

test('a store stays within its policy while layers come and go, without being asked', async (t) => {
  const workDir = await workDirectory(t)
  const policy = { high: 60_000, low: 40_000 }
  const problems: unknown[] = []
  {
    await using store = await openStore<string>(workDir, {
      policy,
      onProblem: (error) => problems.push(error),
    })
    const convert = async (name: string): Promise<void> => {
      const ingest = store.work.ingest()
      const bytes = Buffer.alloc(BLOB, name)
      await writeFile(ingest.path, bytes)
      const blob = { ingest, digest: digestOf(bytes), size: BLOB }
      const { path } = await store.layers.put(`task:${name}`, name, name, blob)
      assert.equal((await store.layers.take(`task:${name}`, name))?.path, path)
      store.layers.release(`task:${name}`)
    }
    for (let i = 0; i < 8; i++) await Promise.all([0, 1].map((j) => convert(`${i}-${j}`)))
    await store.collector.run()
    const { content } = await store.collector.usage()
    assert(content > 0 && content <= policy.high, String(content))
  }
  assert.deepEqual(problems, [])
})

test('places of a blob are found by registry, the last seen first, three of them', () => {
  using database = openDatabase(':memory:', [storeSchema])
  let now = 0
  const placements = openPlacements(database, () => (now += 1))
  const blob = digestOf('blob')
  for (const name of ['a', 'b', 'c', 'd', 'a']) placements.add(blob, 'one.example', name)
  placements.add(blob, 'two.example', 'x')
  assert.deepEqual(placements.find(blob, 'one.example'), ['a', 'd', 'c'])
  assert.deepEqual(placements.find(digestOf('other'), 'one.example'), [])
})
