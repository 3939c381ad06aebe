import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isAccelError } from '../errors/accel-error.ts'
import {
  formatReference,
  isHost,
  isRepository,
  isTag,
  parseReference,
  withDigest,
  withTag,
  type Reference,
} from './reference.ts'
import { digestOf } from './digest.ts'

const digest = `sha256:${'7c'.repeat(32)}`
const hex = digest.slice(7)

/** What was written, and what it means: host, repository, tag, digest. */
const accepted: [string, string, string, string?, string?][] = [
  ['nginx', 'docker.io', 'library/nginx'],
  ['nginx:1.27', 'docker.io', 'library/nginx', '1.27'],
  ['docker.io/nginx', 'docker.io', 'library/nginx'],
  ['index.docker.io/nginx', 'docker.io', 'library/nginx'],
  ['index.docker.io/library/nginx', 'docker.io', 'library/nginx'],
  ['docker.io/library/foo/bar', 'docker.io', 'library/foo/bar'],
  ['bitnami/redis', 'docker.io', 'bitnami/redis'],
  ['test_com/foo', 'docker.io', 'test_com/foo'],
  ['localhost/app', 'localhost', 'app'],
  ['localhost:5000/app', 'localhost:5000', 'app'],
  ['localhost', 'docker.io', 'library/localhost'],
  ['192.168.0.1', 'docker.io', 'library/192.168.0.1'],
  ['192.168.0.1:80', 'docker.io', 'library/192.168.0.1', '80'],
  ['192.168.0.1:8/debian', '192.168.0.1:8', 'debian'],
  ['harbor.example.test/demo/app', 'harbor.example.test', 'demo/app'],
  ['harbor.example.test:8443/demo/app:v1', 'harbor.example.test:8443', 'demo/app', 'v1'],
  ['test-com:8080/foo', 'test-com:8080', 'foo'],
  ['xn--n3h.com:18080/foo', 'xn--n3h.com:18080', 'foo'],
  ['Foo/bar', 'Foo', 'bar'],
  ['HARBOR.example.test/bar', 'HARBOR.example.test', 'bar'],
  ['[::1]:5000/app', '[::1]:5000', 'app'],
  ['[fc00::1]/app:x', '[fc00::1]', 'app', 'x'],
  [`app@${digest}`, 'docker.io', 'library/app', '', digest],
  [`a.test/b/c:v1@${digest}`, 'a.test', 'b/c', 'v1', digest],
  [`docker.io/${hex}`, 'docker.io', `library/${hex}`],
  [hex.slice(0, 63), 'docker.io', `library/${hex.slice(0, 63)}`],
  ['docker---rules/docker', 'docker.io', 'docker---rules/docker'],
  ['dock__er/docker', 'docker.io', 'dock__er/docker'],
  ['a.test/b:Latest_1.0-RC', 'a.test', 'b', 'Latest_1.0-RC'],
  ['a.test/b:_x', 'a.test', 'b', '_x'],
  [`a.test/${'b'.repeat(255)}`, 'a.test', 'b'.repeat(255)],
  [`a.test/b:${'t'.repeat(128)}`, 'a.test', 'b', 't'.repeat(128)],
]

for (const [text, host, repository, tag, wantDigest] of accepted) {
  test(`reads ${text.slice(0, 60)}`, () => {
    const reference = parseReference(text)
    assert.deepEqual(
      [reference.host, reference.repository, reference.tag, reference.digest],
      [host, repository, tag || undefined, wantDigest],
    )
  })
}

const refused = [
  '',
  ' ',
  'nginx ',
  'https://github.com/docker/docker',
  'docker/Docker',
  'docker.io/docker/Docker',
  'Nginx',
  '-docker/docker',
  'docker-/docker',
  '-docker.io/docker/docker',
  'docker///docker',
  'docker/',
  '/docker',
  '_docker/_docker',
  '____/____',
  'dock..er/docker',
  'dock_.er/docker',
  'dock___er/docker',
  '[fc00::1]',
  '[fc00::1]:5000',
  'fc00::1:5000/debian',
  '[fe80::1%eth0]:5000/debian',
  '[2001:db8:3:4::192.0.2.33]:5000/debian',
  'a.test:/b',
  'a.test:0/b',
  'a.test:65536/b',
  'user@a.test/b',
  'user:pass@a.test/b',
  'a.test/b:',
  'a.test/b:.x',
  'a.test/b:-x',
  'a.test/b:x:y',
  `a.test/b:${'t'.repeat(129)}`,
  `a.test/${'b'.repeat(256)}`,
  'a.test/b@',
  'a.test/b@latest',
  `a.test/b@sha256:${'7C'.repeat(32)}`,
  `a.test/b@sha256:${'7c'.repeat(31)}`,
  `a.test/b@sha512:${'7c'.repeat(64)}`,
  `a.test/b@${digest}@${digest}`,
  `a.test/b@${digest}:tag`,
  hex,
  `a.test/b\n`,
  'a.test/b?x=y',
  'a.test/../b',
  'a.test/b%2fc',
  'a.test/bü',
  `a.test/${'b/'.repeat(100_000)}c`,
]

for (const text of refused) {
  test(`refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
    assert.throws(
      () => parseReference(text),
      (error) => isAccelError(error, 'REFERENCE_INVALID') && error.message.length < 1500,
    )
  })
}

test('what is written in full is read back as it was', () => {
  for (const [text] of accepted) {
    const reference = parseReference(text)
    assert.deepEqual(parseReference(formatReference(reference)), reference)
  }
})

test('a new tag or digest replaces both', () => {
  const reference = parseReference(`a.test/b:v1@${digest}`)
  assert.equal(formatReference(withTag(reference, 'v1-esgz')), 'a.test/b:v1-esgz')
  const other = digestOf('other')
  assert.equal(formatReference(withDigest(reference, other)), `a.test/b@${other}`)
  assert.throws(() => withTag(reference, 'a b'), { code: 'REFERENCE_INVALID' })
  // @ts-expect-error a reference is made by its parser alone
  const handmade: Reference = { host: 'a.test', repository: 'b' }
  assert.ok(handmade)
})

test('the parts can be asked for alone', () => {
  assert.deepEqual(['v1', '', 'a b', '.x'].map(isTag), [true, false, false, false])
  assert.deepEqual(['a/b', 'A/b', 'a//b', ''].map(isRepository), [true, false, false, false])
  assert.deepEqual(['a.test:1', '[::1]', 'a/b', ''].map(isHost), [true, true, false, false])
})

test('any text is either refused or survives the round trip', () => {
  const piece = fc.stringMatching(/^[a-zA-Z0-9._:@/[\]-]{0,40}$/)
  fc.assert(
    fc.property(fc.oneof(piece, fc.string()), (text) => {
      let reference: Reference
      try {
        reference = parseReference(text)
      } catch (error) {
        return isAccelError(error, 'REFERENCE_INVALID')
      }
      assert.deepEqual(parseReference(formatReference(reference)), reference)
      return true
    }),
  )
})
