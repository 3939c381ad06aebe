import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, type Metrics } from './metrics.ts'

const init = {
  name: 'API',
  tasks: () => ({ waiting: 3, running: 2 }),
  facts: {
    version: 'v1.2.3 abc.now',
    freeBytes: () => Promise.resolve(4096),
    damagedDatabases: async () => 0,
    registries: () =>
      new Map([
        ['a.test', true],
        ['b.test', false],
      ]),
  },
}

async function lines(metrics: Metrics): Promise<string[]> {
  return (await metrics.render()).text.split('\n').filter((line) => !line.startsWith('#'))
}

test('conversions have the names that upstream’s dashboards know', async () => {
  const metrics = createMetrics(init)
  metrics.conversionEnded({ seconds: 42, failed: false, skipped: false })
  metrics.conversionEnded({ seconds: 1, failed: true, skipped: false })
  metrics.conversionEnded({ seconds: 0.1, failed: false, skipped: true })
  const text = await lines(metrics)
  for (const line of [
    'acceleration_service_core_conversions_op_total{op="convert"} 3',
    'acceleration_service_core_conversions_op_error_total{op="convert"} 1',
    'acceleration_service_core_conversions_op_duration_seconds_count{op="convert"} 1',
    'acceleration_service_core_conversions_op_duration_seconds_sum{op="convert"} 42',
    'acceleration_service_core_conversions_op_duration_seconds_bucket{le="30",op="convert"} 0',
    'acceleration_service_core_conversions_op_duration_seconds_bucket{le="60",op="convert"} 1',
    'acceleration_service_core_tasks{state="waiting"} 3',
    'acceleration_service_core_tasks{state="running"} 2',
  ]) {
    assert.ok(text.includes(line), `${line} not in\n${text.join('\n')}`)
  }
})

test('requests are counted by code, method, host and route', async () => {
  const metrics = createMetrics(init)
  const request = { status: 200, route: '/api/v1/conversions', seconds: 0.02 }
  const sizes = { requestSize: 1500, responseSize: 5 }
  metrics.requestAnswered({ ...request, ...sizes, method: 'POST', host: 'acceld:2077' })
  for (let i = 0; i < 100; i += 1) {
    metrics.requestAnswered({
      ...request,
      ...sizes,
      method: `BREW${i}`,
      host: `made-up-${i}.example`,
    })
  }
  const text = await lines(metrics)
  const labels = 'code="200",method="POST",host="acceld:2077",url="/api/v1/conversions"'
  const strange = 'code="200",method="other",host="other",url="/api/v1/conversions"'
  // 32 hosts are told apart: acceld:2077 and the first 31 of the made-up ones
  for (const line of [
    `acceleration_service_api_requests_total{${labels}} 1`,
    `acceleration_service_api_requests_total{${strange}} 69`,
    `acceleration_service_api_request_duration_seconds_sum{${labels}} 0.02`,
    `acceleration_service_api_request_size_bytes_bucket{le="2048",${labels}} 1`,
    `acceleration_service_api_response_size_bytes_count{${labels}} 1`,
  ]) {
    assert.ok(text.includes(line), `${line} not in\n${text.join('\n')}`)
  }
})

test('a server name that is no metric name is made one', async () => {
  const metrics = createMetrics({ ...init, name: 'My API-2' })
  const request = { status: 200, method: 'GET', host: '', route: '*', seconds: 0 }
  metrics.requestAnswered({ ...request, requestSize: 0, responseSize: 0 })
  assert.ok(
    (await lines(metrics)).some((line) =>
      line.startsWith('acceleration_service_my_api_2_requests_total{'),
    ),
  )
})

test('two services in one process do not mix', async () => {
  const one = createMetrics(init)
  const other = createMetrics(init)
  one.conversionEnded({ seconds: 1, failed: false, skipped: false })
  assert.ok(
    !(await lines(other)).includes(
      'acceleration_service_core_conversions_op_total{op="convert"} 1',
    ),
  )
})

test('phases, bytes, ends, retries and failures by code, and what is looked up', async () => {
  const metrics = createMetrics(init)
  metrics.phaseEnded({ phase: 'convert', seconds: 7 })
  metrics.bytesMoved({ read: 10, written: 20, pushed: 30 })
  metrics.bytesMoved({ read: 1, written: 2, pushed: 3 })
  metrics.taskEnded({ state: 'completed', reused: true })
  metrics.taskEnded({ state: 'superseded', reused: false })
  metrics.attemptFailed({ code: 'REGISTRY_UNREACHABLE', again: true })
  metrics.attemptFailed({ code: 'REGISTRY_UNREACHABLE', again: false })
  metrics.configRead({ ok: false })
  metrics.searched({ queued: 5, errors: 1 })
  const text = await lines(metrics)
  for (const line of [
    'phase_duration_seconds_bucket{le="5",phase="convert"} 0',
    'phase_duration_seconds_bucket{le="10",phase="convert"} 1',
    'read_bytes_total 11',
    'written_bytes_total 22',
    'pushed_bytes_total 33',
    'tasks_ended_total{state="completed"} 1',
    'tasks_ended_total{state="superseded"} 1',
    'results_reused_total 1',
    'task_retries_total{code="REGISTRY_UNREACHABLE"} 1',
    'task_failures_total{code="REGISTRY_UNREACHABLE"} 1',
    'config_reloads_total{result="refused"} 1',
    'search_queued_total 5',
    'search_errors_total 1',
    'work_dir_free_bytes 4096',
    'registry_up{registry="a.test"} 1',
    'registry_up{registry="b.test"} 0',
    'build_info{version="v1.2.3 abc.now"} 1',
  ]) {
    const whole = `acceleration_service_core_${line}`
    assert.ok(text.includes(whole), `${whole} not in\n${text.join('\n')}`)
  }
  assert.ok(text.some((line) => line.startsWith('process_resident_memory_bytes ')))
})

test('a disk that cannot be looked at does not keep the rest from being shown', async () => {
  const facts = { ...init.facts, freeBytes: () => Promise.reject(new Error('gone')) }
  const text = await lines(createMetrics({ ...init, facts }))
  assert.ok(text.includes('acceleration_service_core_tasks{state="waiting"} 3'))
})
