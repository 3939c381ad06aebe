import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { isLayoutLocation, openLayoutTarget, parseLayoutLocation } from './location.ts'

const digest = digestOf('x')

const cases: [string, object][] = [
  ['oci:dir', { kind: 'oci', path: 'dir', tag: undefined }],
  ['oci:/a/b-c:v1.2', { kind: 'oci', path: '/a/b-c', tag: 'v1.2' }],
  ['oci-archive:a.tar:latest', { kind: 'oci-archive', path: 'a.tar', tag: 'latest' }],
  [`oci:dir@${digest}`, { kind: 'oci', path: 'dir', tag: digest }],
  ['oci:dir@2:v1', { kind: 'oci', path: 'dir@2', tag: 'v1' }],
  [
    'docker-archive:./a.tar:localhost:5000/x/y:z',
    { kind: 'docker-archive', path: './a.tar', tag: 'localhost:5000/x/y:z' },
  ],
]
for (const [text, location] of cases) {
  test(`${text} is read`, () => {
    assert.deepEqual(parseLayoutLocation(text), location)
    assert.ok(isLayoutLocation(text))
  })
}

for (const text of ['nginx:latest', 'docker://nginx', 'dir:x', 'OCI:x', 'host/oci:1']) {
  test(`${text} is none`, () => {
    assert.ok(!isLayoutLocation(text))
    assert.throws(() => parseLayoutLocation(text), { code: 'LAYOUT_LOCATION_INVALID' })
  })
}

for (const text of ['oci:', 'oci::tag', 'oci:a:', 'oci:a:-x', 'oci:a:b c', 'oci:a@sha256:00']) {
  test(`${text} is refused`, () => {
    assert.throws(() => parseLayoutLocation(text), { code: 'LAYOUT_LOCATION_INVALID' })
  })
}

test('what cannot be written to is no target', async () => {
  await assert.rejects(openLayoutTarget('docker-archive:a.tar:x'), { code: 'LAYOUT_READ_ONLY' })
  await assert.rejects(openLayoutTarget(`oci:a@${digest}`), { code: 'LAYOUT_LOCATION_INVALID' })
})
