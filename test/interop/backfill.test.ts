/** The search for images against a real registry: its catalog, its tags, its pages. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import { openConversionService } from '../../src/convert/service.ts'
import { silentLog } from '../../src/log/log.ts'
import { createReconciler } from '../../src/reconcile/reconciler.ts'
import type { TaskOrder } from '../../src/tasks/task.ts'
import { buildImage, buildLayer } from '../../src/testing/image-builder.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import { lacking } from './programs.ts'
import { pushImage, startRegistry } from './registry.ts'

/** More than a page of 100 names. */
const REPOSITORIES = 105

test(
  'what a real registry holds is found, page by page, converted, and then up to date',
  { skip: lacking('docker-registry') },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'backfill-'))
    t.after(() => rmSync(folder, { recursive: true }))
    await using registry = await startRegistry(join(folder, 'registry'))
    const image = buildImage({ layers: [buildLayer(testTar().file('a', 'hello').bytes())] })
    for (let i = 0; i < REPOSITORIES; i += 1)
      await pushImage(registry.address, `demo/app-${i}`, image)
    const yaml = `provider: { source: { "${registry.address}": {} }, work_dir: ${join(folder, 'work')} }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
reconcile: { requests_per_second: 1000 }`
    const { config } = parseConfig(yaml, 'config.yaml')
    await using conversions = await openConversionService(config)
    const orders: TaskOrder[] = []
    const reconciler = createReconciler({
      config,
      log: silentLog,
      useRegistry: (work) => conversions.useRegistry(work),
      queue: {
        submit: async (order) => {
          orders.push(order)
          return { task: order as never, joined: false, done: new Promise(() => undefined) }
        },
        list: () => ({ tasks: [] }),
        counts: () => ({ waiting: 0, running: 0 }),
      },
    })
    t.after(() => reconciler.stop())
    await reconciler.run({ dryRun: false })
    assert.equal(orders.length, REPOSITORIES)
    const [first] = orders
    assert.ok(first)
    const run = { signal: new AbortController().signal, onEvent() {}, owner: 'test' }
    await conversions.convert({ source: first.source, rule: 'default' }, run)
    const { hosts } = await reconciler.run({ dryRun: true })
    assert.equal(hosts[0]?.upToDate, 1)
    assert.equal(hosts[0].queued, REPOSITORIES - 1)
  },
)
