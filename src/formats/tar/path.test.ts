import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { baseName, cleanPath, parentPath } from './path.ts'

const cases: [string, string][] = [
  ['usr/bin', 'usr/bin'],
  ['usr/bin/', 'usr/bin'],
  ['./usr', 'usr'],
  ['/usr', 'usr'],
  ['//usr///bin//', 'usr/bin'],
  ['a/./b', 'a/b'],
  ['a/.', 'a'],
  ['a/../b', 'b'],
  ['../../escape', 'escape'],
  ['a/../../b', 'b'],
  ['a/..', ''],
  ['', ''],
  ['.', ''],
  ['./', ''],
  ['/', ''],
  ['..', ''],
  ['...', '...'],
  ['a/..b/.c./d..', 'a/..b/.c./d..'],
  ['.hidden', '.hidden'],
  ['a\\b', 'a\\b'],
]

for (const [name, path] of cases) {
  test(`${JSON.stringify(name)} is ${JSON.stringify(path)}`, () => {
    assert.equal(cleanPath(name), path)
  })
}

test('as normalizing an absolute path', () => {
  const names = fc
    .array(fc.constantFrom('a', 'b.', '.', '..', '', '...', 'ü'))
    .map((p) => p.join('/'))
  fc.assert(
    fc.property(names, (name) => {
      const expected = posix.normalize(`/${name}`).replace(/^\//, '').replace(/\/$/, '')
      assert.equal(cleanPath(name), expected)
      assert.equal(cleanPath(expected), expected)
    }),
  )
})

test('the parts of a path', () => {
  assert.deepEqual(
    ['', 'a', 'a/b', 'a/b/c'].map((path) => [parentPath(path), baseName(path)]),
    [
      [undefined, ''],
      ['', 'a'],
      ['a', 'b'],
      ['a/b', 'c'],
    ],
  )
})
