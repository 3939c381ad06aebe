import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { digestOf } from '../oci/digest.ts'
import { readTarget, type Target } from './target.ts'

const { config } = parseConfig(
  'provider: { source: { hub.test: {}, "localhost:5000": {} } }\nconverter: { driver: { type: estargz } }',
  'config.yaml',
)

const digest = digestOf('x')
const targets: [string, Target][] = [
  ['hub.test', { host: 'hub.test' }],
  ['hub.test/', { host: 'hub.test' }],
  ['HUB.test:443', { host: 'hub.test' }],
  ['hub.test/demo', { host: 'hub.test', path: 'demo' }],
  ['hub.test/demo/', { host: 'hub.test', path: 'demo' }],
  ['localhost:5000/a/b:v1', { host: 'localhost:5000', path: 'a/b', tag: 'v1' }],
  [`hub.test/a@${digest}`, { host: 'hub.test', path: 'a', digest }],
]
for (const [text, target] of targets) {
  test(`${text} is tested`, () => assert.deepEqual(readTarget(text, config), target))
}

test('a registry that is not configured is not', () => {
  for (const text of ['evil.test/app', 'evil.test', 'hub.test.evil.test/app', 'nginx']) {
    assert.throws(() => readTarget(text, config), { code: 'REGISTRY_HOST_NOT_CONFIGURED' })
  }
})
