import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeOf, LiveConfig } from './live-config.ts'
import { parseConfig } from './load.ts'
import type { Config } from './schema.ts'

const yaml = `server: { port: 1, api_token: secret }
provider: { source: { a.test: { webhook: { auth_header: one } }, b.test: {} }, work_dir: /tmp/a }
converter: { worker: 5, threads: 1, driver: { type: estargz }, rules: [{ name: a, tag_suffix: -a, when: [{ tag: v* }] }] }
`

const parse = (text: string): Config => parseConfig(text, 'config.yaml').config

function change(...edits: [from: string, to: string][]) {
  const next = edits.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from)
    return text.replace(from, to)
  }, yaml)
  return changeOf(parse(yaml), parse(next))
}

test('a file that says the same changes nothing', () => {
  const { applied, waiting } = change()
  assert.deepEqual([applied, waiting], [[], []])
})

test('what can be applied is named by its path, and never by its value', () => {
  const { applied, waiting, config } = change(
    ['secret', 'other'],
    ['one', 'two'],
    ['b.test: {}', 'c.test: { insecure: true }'],
    ['worker: 5', 'worker: 6'],
    ['v*', 'w*'],
  )
  assert.deepEqual(applied, [
    'server.api_token',
    'provider.source.a.test.webhook.auth_header',
    'provider.source.b.test',
    'provider.source.c.test',
    'converter.worker',
    'converter.rules',
  ])
  assert.deepEqual(waiting, [])
  assert.equal(config.server.apiToken, 'other')
  assert.equal(config.converter.rules[0]?.when[0]?.tag[0]?.matches('w1'), true)
})

test('what only a start can apply waits for it and stays as it was', () => {
  const { applied, waiting, config } = change(
    ['port: 1', 'port: 2, name: X, tls: { cert_file: /dev/null }'],
    ['/tmp/a', '/tmp/b'],
    ['threads: 1', 'threads: 2, layers: 3'],
    ['work_dir', 'gcpolicy: { threshold: 1GB }, work_dir'],
  )
  assert.deepEqual(applied, [])
  assert.deepEqual(waiting, [
    'server.name',
    'server.port',
    'server.tls.cert_file',
    'provider.work_dir',
    'provider.gcpolicy.threshold',
    'converter.layers',
    'converter.threads',
  ])
  const old = parse(yaml)
  assert.deepEqual(config.server, old.server)
  assert.deepEqual([config.provider.workDir, config.converter.threads], ['/tmp/a', 1])
})

test('who holds the configuration sees what was read last', () => {
  const live = new LiveConfig(parse(yaml))
  const holder: Config = live
  live.replace(parse(yaml.replace('worker: 5', 'worker: 7')))
  assert.equal(holder.converter.worker, 7)
})
