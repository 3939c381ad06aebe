import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { LiveConfig } from '../config/live-config.ts'
import { parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { createLog } from '../log/log.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createReconciler, type Reconciler, type ReconcilerComponents } from './reconciler.ts'

const configOf = (reconcile: string): Config =>
  parseConfig(`converter: { driver: { type: estargz } }\nreconcile: ${reconcile}`, 'config.yaml')
    .config

/** A reconciler without registries: a search ends at once, or as `useRegistry` has it. */
function setUp(config: Config, more: Partial<ReconcilerComponents> = {}) {
  const fake = createFakeClock(Date.parse('2026-11-21T10:30:00Z'))
  const lines: string[] = []
  const began: string[] = []
  const reconciler: Reconciler = createReconciler({
    config,
    log: createLog({ write: (line) => lines.push(line) }),
    clock: {
      ...fake,
      async sleep(ms, signal) {
        await setImmediate()
        await fake.sleep(ms, signal)
      },
    },
    queue: {
      submit: () => Promise.reject(new Error('nothing is to be queued')),
      list: () => ({ tasks: [] }),
      counts: () => ({ waiting: 0, running: 0 }),
    },
    useRegistry: async (work) => {
      began.push(new Date(fake.now()).toISOString())
      return work(undefined as never)
    },
    ...more,
  })
  return { reconciler, lines, began, clock: fake }
}

test('searches come when the schedule says, one after the other', async () => {
  const done = Promise.withResolvers<void>()
  let reports = 0
  const { reconciler, began } = setUp(configOf('{ schedule: 0 * * * * }'), {
    onReport() {
      reports += 1
      if (reports === 3) done.resolve()
    },
  })
  await done.promise
  await reconciler.stop()
  assert.deepEqual(began.slice(0, 3), [
    '2026-11-21T11:00:00.000Z',
    '2026-11-21T12:00:00.000Z',
    '2026-11-21T13:00:00.000Z',
  ])
})

test('without a schedule none comes; a schedule that is read later holds from then on', async () => {
  const done = Promise.withResolvers<void>()
  const config = new LiveConfig(configOf('{}'))
  const { reconciler, began } = setUp(config, { onReport: () => done.resolve() })
  for (let i = 0; i < 20; i += 1) await setImmediate()
  assert.deepEqual(began, [])
  config.replace(configOf('{ schedule: 6h }'))
  reconciler.reschedule()
  await done.promise
  await reconciler.stop()
  assert.equal(began[0], '2026-11-21T16:30:00.000Z')
})

test('a search that fails is told of, and the next one comes all the same', async () => {
  const done = Promise.withResolvers<void>()
  let searches = 0
  const { reconciler, lines } = setUp(configOf('{ schedule: 1h }'), {
    useRegistry() {
      searches += 1
      if (searches === 2) done.resolve()
      return Promise.reject(new Error('no room for a connection'))
    },
  })
  await done.promise
  await reconciler.stop()
  assert.match(lines[0] ?? '', /level=error msg="the search failed: no room for a connection"/)
})

test('a stop ends the search under way, and none begins after it', async () => {
  let ended = false
  const { reconciler } = setUp(configOf('{}'), {
    async useRegistry() {
      await setImmediate()
      ended = true
      throw new Error('the connection was closed')
    },
  })
  reconciler.start({ dryRun: true })
  assert.equal(reconciler.state().running, true)
  assert.equal(reconciler.state().report?.dryRun, true)
  await reconciler.stop()
  assert.ok(ended)
  await assert.rejects(reconciler.run({ dryRun: true }), (error) => isAccelError(error, 'ABORTED'))
})
