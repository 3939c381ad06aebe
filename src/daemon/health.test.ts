import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { parseConfig } from '../config/load.ts'
import { configuredRegistry } from '../convert/registry-hosts.ts'
import { createLog } from '../log/log.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { createHealth } from './health.ts'

const registry = await startTestRegistry()
after(() => registry.close())

async function opened(
  t: TestContext,
  queue: { problem: Error | undefined } = { problem: undefined },
) {
  const folder = await temporaryDirectory(t)
  const yaml = `provider: { work_dir: ${folder}, source: { "${registry.host}": {} } }
converter: { driver: { type: estargz } }`
  const { config } = parseConfig(yaml, 'config.yaml')
  const client = configuredRegistry(config, {}, { environment: {} })
  t.after(() => client.close())
  const lines: string[] = []
  const log = createLog({ write: (line) => lines.push(line) })
  const components = {
    config,
    queue,
    log,
    useRegistry: <T>(work: (c: typeof client) => Promise<T>) => work(client),
  }
  return {
    folder,
    lines,
    health: createHealth(components, { localMs: -1, registryMs: -1 }),
    components,
  }
}

test('all is well', async (t) => {
  const { health } = await opened(t)
  await health.check()
  assert.deepEqual(await health.ready(), {
    ready: true,
    checks: { database: 'ok', disk: 'ok', registries: 'ok' },
  })
  assert.equal(health.registries().get(registry.host)?.answers, true)
})

test('a registry that is away is told of once, and is no reason to refuse orders', async (t) => {
  const { health, lines } = await opened(t)
  const known = health.registries()
  await health.ready()
  const fault = registry.fault({ on: 'GET base', then: { status: 404 }, times: Infinity })
  for (let i = 0; i < 3; i += 1) {
    const { ready, checks } = await health.ready()
    assert.deepEqual([ready, checks.registries], [true, 'failing'])
  }
  assert.match(known.get(registry.host)?.problem ?? '', /404/)
  fault.remove()
  assert.equal((await health.ready()).checks.registries, 'ok')
  assert.equal(known.get(registry.host)?.problem, undefined)
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', /does not answer/)
  assert.match(lines[1] ?? '', /answers again/)
})

test('a database that could not be written to makes the service unready', async (t) => {
  const { health } = await opened(t, { problem: new Error('disk I/O error') })
  assert.deepEqual((await health.ready()).checks.database, 'failing')
  assert.equal((await health.ready()).ready, false)
  await assert.rejects(health.check(), /disk I\/O error/)
})

test('a work directory that is gone does', async (t) => {
  const { health, folder } = await opened(t)
  await rm(folder, { recursive: true })
  const { ready, checks } = await health.ready()
  assert.deepEqual([ready, checks.database, checks.disk], [false, 'failing', 'failing'])
  await assert.rejects(health.check(), /ENOENT/)
})

test('answers hold for a while, and those who ask at once share one', async (t) => {
  const { components } = await opened(t)
  const health = createHealth(components, { localMs: 60_000, registryMs: 60_000 })
  registry.clearRequests()
  await Promise.all([health.ready(), health.ready()])
  await health.ready()
  assert.equal(registry.requests('GET base').length, 1)
})

test('a registry that does not answer in time keeps nobody waiting', async (t) => {
  const { components } = await opened(t)
  const health = createHealth({ ...components, useRegistry: () => new Promise(() => undefined) })
  assert.equal((await health.ready()).ready, true)
  health.stop()
})

test('who only looks at the registries has them asked', async (t) => {
  const { components } = await opened(t)
  const health = createHealth(components)
  registry.clearRequests()
  while (health.registries().size === 0) await setImmediate()
  assert.equal(registry.requests('GET base').length, 1)
})
