import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, type Metrics } from './metrics.ts'

const init = {
  name: 'API',
  tasks: () => ({ waiting: 3, running: 2 }),
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
