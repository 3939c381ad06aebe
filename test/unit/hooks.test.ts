import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../../scripts/source-tree.ts'

/**
 * Where no test of a file runs, since none has the name that is asked for, Node begins `before` of the file and runs
 * `after` without waiting for it: what `before` starts then lives for ever, and the run hangs. What a file needs is
 * awaited at its top instead, or made by the first test; `before` of a suite is not begun without a test.
 */
test('no test file has a `before` of its own outside of suites', () => {
  const files = globSync(['src/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts'], { cwd: root })
  assert(files.length > 500, `${files.length} files`)
  const found = files.filter((file) => /^before\(/m.test(readFileSync(join(root, file), 'utf8')))
  assert.deepEqual(found, [])
})
