import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '../metrics/metrics.ts'
import type { Task, TaskProgress } from '../tasks/task.ts'
import { measureSearch, measureTasks } from './measure.ts'

function recorded() {
  const metrics = createMetrics({
    name: 'API',
    tasks: () => ({ waiting: 0, running: 0 }),
    facts: {
      version: 'v',
      freeBytes: () => Promise.resolve(0),
      damagedDatabases: async () => 0,
      registries: () => new Map<string, boolean>(),
    },
  })
  const value = async (name: string): Promise<number> => {
    const { text } = await metrics.render()
    const line = text
      .split('\n')
      .find((one) => one.startsWith(`acceleration_service_core_${name} `))
    return Number(line?.split(' ')[1])
  }
  return { metrics, value, take: measureTasks(metrics) }
}

const task = (more: Partial<Task>): Task => ({
  id: '1', source: 's', host: 'h', lane: 'l', state: 'running', created: 0, attempts: 1, interruptions: 0, ...more,
}) // prettier-ignore

const progress = (readBytes: number): TaskProgress => ({
  phase: 'convert',
  layers: 1,
  layersDone: 0,
  sourceBytes: 100,
  readBytes,
  writtenBytes: readBytes / 2,
  pushedBytes: 0,
})

test('bytes are counted as they move, over attempts and tasks', async () => {
  const { take, value } = recorded()
  const at = (id: string, bytes: number) =>
    take({ type: 'progress', task: task({ id }), progress: progress(bytes) })
  at('1', 40)
  at('1', 100)
  at('2', 10)
  take({ type: 'retrying', task: task({ code: 'REGISTRY_UNREACHABLE' }), error: 0, inMs: 1 })
  at('1', 30)
  assert.equal(await value('read_bytes_total'), 140)
  assert.equal(await value('written_bytes_total'), 70)
  assert.equal(await value('task_retries_total{code="REGISTRY_UNREACHABLE"}'), 1)
})

test('phases count for what was converted, failures by their code, skipped ones as ended alone', async () => {
  const { take, value } = recorded()
  const outcome = { sourceSize: 1, targetSize: 1 }
  const finished = (more: Partial<Task>) => take({ type: 'finished', task: task(more) })
  finished({
    state: 'completed',
    outcome: { ...outcome, timings: { pullMs: 1_000, convertMs: 2_000, pushMs: 3_000 } },
    timings: { waitMs: 500, runMs: 6_000 },
  })
  finished({ state: 'completed', outcome: { ...outcome, skipped: 'no image' } })
  finished({ state: 'failed', code: 'CONTENT_NOT_FOUND' })
  finished({ state: 'superseded' })
  assert.equal(await value('conversions_op_duration_seconds_sum{op="convert"}'), 6)
  assert.equal(await value('phase_duration_seconds_sum{phase="wait"}'), 0.5)
  assert.equal(await value('phase_duration_seconds_count{phase="push"}'), 1)
  assert.equal(await value('task_failures_total{code="CONTENT_NOT_FOUND"}'), 1)
  assert.equal(await value('tasks_ended_total{state="completed"}'), 2)
  assert.equal(await value('conversions_op_error_total{op="convert"}'), 1)
})

test('a dry run has queued nothing', async () => {
  const { metrics, value } = recorded()
  const host = {
    host: 'h',
    images: 1,
    upToDate: 0,
    notWanted: 0,
    triedBefore: 0,
    failed: 0,
    queued: 3,
  }
  measureSearch(metrics, { dryRun: true, hosts: [host], queued: [] })
  measureSearch(metrics, { dryRun: false, hosts: [host, host], queued: [] })
  assert.equal(await value('search_queued_total'), 6)
})
