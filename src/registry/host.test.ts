import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findSettings, isLoopback, resolveHost, type HostInit } from './host.ts'

/** Host, settings, its API's origin. */
const origins: [string, HostInit, string][] = [
  ['docker.io', {}, 'https://registry-1.docker.io'],
  ['h.test', {}, 'https://h.test'],
  ['h.test:443', {}, 'https://h.test'],
  ['h.test:80', {}, 'https://h.test:80'],
  ['h.test:80', { plainHttp: true }, 'http://h.test'],
  ['h.test:5000', { insecure: true }, 'https://h.test:5000'],
  ['h.test', { plainHttp: true }, 'http://h.test'],
  ['localhost:5000', {}, 'http://localhost:5000'],
  ['127.8.9.1:5000', {}, 'http://127.8.9.1:5000'],
  ['[::1]:5000', {}, 'http://[::1]:5000'],
  ['localhost:5000', { plainHttp: false }, 'https://localhost:5000'],
  ['localhost:5000', { ca: 'x' }, 'https://localhost:5000'],
  ['localhost:5000', { clientCertificate: { cert: 'x', key: 'y' } }, 'https://localhost:5000'],
  ['localhost:5000', { insecure: true }, 'http://localhost:5000'],
  ['localhost.evil.test', {}, 'https://localhost.evil.test'],
  ['127.0.0.1.evil.test', {}, 'https://127.0.0.1.evil.test'],
  ['10.0.0.1:5000', {}, 'https://10.0.0.1:5000'],
]

for (const [name, init, origin] of origins) {
  test(`${name} ${JSON.stringify(init)} is at ${origin}`, () => {
    assert.equal(resolveHost(name, init).origin, origin)
  })
}

test('only a checked certificate verifies a registry', () => {
  assert.equal(resolveHost('h.test', {}).verified, true)
  assert.equal(resolveHost('h.test', { insecure: true }).verified, false)
  assert.equal(resolveHost('h.test', { plainHttp: true }).verified, false)
})

test('loopback is this machine alone', () => {
  const yes = [
    'localhost',
    'a.localhost',
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
  ]
  const no = ['h.test', 'localhost.test', '128.0.0.1', '127.test', '::2', '0.0.0.0', '10.0.0.1', '']
  assert.deepEqual(
    yes.filter((name) => !isLoopback(name)),
    [],
  )
  assert.deepEqual(no.filter(isLoopback), [])
})

test('settings are found with and without the default port, where they mean it', () => {
  const find = (settings: Record<string, HostInit>, host: string) =>
    findSettings((name) => settings[name], host)
  const tls = {}
  const plain = { plainHttp: true }
  assert.equal(find({ 'h.test': tls }, 'H.test'), tls)
  assert.equal(find({ 'h.test': tls }, 'h.test:443'), tls)
  assert.equal(find({ 'h.test:443': tls }, 'h.test'), tls)
  assert.equal(find({ 'h.test': tls }, 'h.test:80'), undefined)
  assert.equal(find({ 'h.test': plain }, 'h.test:80'), plain)
  assert.equal(find({ 'h.test': plain }, 'h.test:443'), undefined)
  assert.equal(find({ 'h.test:80': plain }, 'h.test'), plain)
  assert.equal(find({ 'h.test': tls }, 'h.test:8443'), undefined)
  assert.equal(find({ 'h.test': tls }, 'other.test'), undefined)
})
