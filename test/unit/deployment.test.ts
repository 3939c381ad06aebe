import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { loadConfig, parseConfig, requireTagSuffix } from '../../src/config/load.ts'
import { operations } from '../../src/api/operations.ts'

const misc = join(import.meta.dirname, '../../misc')
const read = (path: string): string => readFileSync(join(misc, path), 'utf8')

test('the configuration of the Helm chart is one that acceld starts with', () => {
  const { config } = parse(read('helm/acceleration-service/values.yaml')) as { config: object }
  const file = 'values.yaml'
  const parsed = parseConfig(stringify(config), file, { strict: true })
  assert.deepEqual(parsed.warnings, [])
  requireTagSuffix(parsed.config, file)
})

test('the configuration of the compose file is one that acceld starts with', () => {
  const file = join(misc, 'container/acceld.yaml')
  const environment = { WEBHOOK_HEADER: 'Bearer change-me' }
  const { config, warnings } = loadConfig(file, { strict: true, environment })
  assert.deepEqual(warnings, [])
  requireTagSuffix(config, file)
  // what the registry sends is what acceld wants to see
  const registry = parse(read('container/registry.yaml')) as {
    notifications: { endpoints: { url: string; headers: Record<string, string[]> }[] }
  }
  const [endpoint] = registry.notifications.endpoints
  assert.deepEqual(endpoint?.headers['Authorization'], [environment.WEBHOOK_HEADER])
  const host = new URL(endpoint.url).searchParams.get('registry') ?? ''
  assert.equal(config.provider.source.get(host)?.webhook.authHeader, environment.WEBHOOK_HEADER)
})

test('every path of the API that is probed or called exists', () => {
  const known = Object.values(operations).map(({ path }): string => path)
  const files = [
    'container/Dockerfile',
    'container/registry.yaml',
    'helm/acceleration-service/templates/statefulset.yaml',
    'helm/acceleration-service/templates/servicemonitor.yaml',
    'helm/acceleration-service/templates/NOTES.txt',
  ]
  const called = files.flatMap((file) => read(file).match(/\/(api\/v1\/[a-z/]+|metrics)\b/g) ?? [])
  assert.ok(called.length > 6)
  for (const path of called) assert.ok(known.includes(path), path)
})

test('every metric of the dashboard is one that docs/metrics.md has', () => {
  const known = read('../docs/metrics.md')
  const dashboard = read('grafana/acceleration-service.json')
  const names = new Set(dashboard.match(/acceleration_service_[a-z_]+/g))
  assert.ok(names.size > 10)
  for (const name of names) {
    const instrument = name.replace(/_(bucket|sum|count)$/, '')
    assert.ok(known.includes(`\`${instrument}\``), name)
  }
})

test('versions of the chart are those of the package', () => {
  const chart = parse(read('helm/acceleration-service/Chart.yaml')) as Record<string, string>
  const { version } = JSON.parse(read('../package.json')) as { version: string }
  assert.deepEqual([chart['version'], chart['appVersion']], [version, version])
})
