import assert from 'node:assert/strict'
import { test } from 'node:test'
import { opaqueWhiteoutOf, whiteoutName, whiteoutOf } from './whiteout.ts'
import type { WhiteoutName } from './whiteout.ts'

const cases: [string, WhiteoutName | undefined][] = [
  ['', undefined],
  ['usr/bin', undefined],
  ['.wh', undefined],
  ['a.wh.b', undefined],
  ['.wh.a/b', undefined],
  ['.wh.a', { kind: 'whiteout', path: 'a' }],
  ['d/.wh.a', { kind: 'whiteout', path: 'd/a' }],
  ['d/.wh..hidden', { kind: 'whiteout', path: 'd/.hidden' }],
  ['d/.wh....', { kind: 'whiteout', path: 'd/...' }],
  ['.wh..wh..opq', { kind: 'opaque', directory: '' }],
  ['d/e/.wh..wh..opq', { kind: 'opaque', directory: 'd/e' }],
  ['.wh..wh.aufs', { kind: 'aufs' }],
  ['.wh..wh.plnk', { kind: 'aufs' }],
  ['.wh..wh.plnk/123.456', { kind: 'aufs' }],
  ['.wh..wh.plnk/.wh.a', { kind: 'aufs' }],
  ['d/.wh..wh.orph/x', { kind: 'aufs' }],
  ['d/.wh.', { kind: 'invalid' }],
  ['d/.wh..', { kind: 'invalid' }],
  ['d/.wh...', { kind: 'invalid' }],
]

for (const [path, expected] of cases) {
  test(`${JSON.stringify(path)} is ${expected?.kind ?? 'an ordinary name'}`, () => {
    assert.deepEqual(whiteoutName(path), expected)
  })
}

test('whiteouts are named after what they remove', () => {
  assert.equal(whiteoutOf('a'), '.wh.a')
  assert.equal(whiteoutOf('d/e/a'), 'd/e/.wh.a')
  assert.equal(opaqueWhiteoutOf(''), '.wh..wh..opq')
  assert.equal(opaqueWhiteoutOf('d/e'), 'd/e/.wh..wh..opq')
  for (const path of ['a', 'd/e/a']) {
    assert.deepEqual(whiteoutName(whiteoutOf(path)), { kind: 'whiteout', path })
  }
})
