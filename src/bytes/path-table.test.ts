import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PathTable } from './path-table.ts'

test('numbers paths as a Map does, before and after it crossed to another thread', () => {
  const part = fc.constantFrom('a', 'b', 'usr', 'ü', '日本', '🐳', 'x'.repeat(300))
  const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(
      fc.array(path, { maxLength: 60 }),
      fc.array(path, { maxLength: 20 }),
      (paths, others) => {
        const table = new PathTable()
        const known = new Map<string, number>()
        for (const one of paths) {
          if (!known.has(one)) known.set(one, known.size)
          assert.equal(table.add(one), known.get(one))
        }
        const moved = new PathTable(structuredClone(table.data()))
        for (const copy of [table, moved]) {
          assert.equal(copy.size, known.size)
          for (const one of [...paths, ...others])
            assert.equal(copy.find(one), known.get(one) ?? -1)
          for (const [one, number] of known) assert.equal(copy.path(number), one)
        }
      },
    ),
  )
})

test('200,000 paths take little memory', () => {
  const table = new PathTable()
  let bytes = 0
  for (let i = 0; i < 200_000; i++) {
    const path = `usr/share/some-package/directory-${i % 500}/file-${i}.js`
    bytes += path.length
    assert.equal(table.add(path), i)
  }
  assert.equal(table.find('usr/share/some-package/directory-7/file-7.js'), 7)
  const { names, ends, slots } = table.data()
  assert.equal(names.length, bytes)
  assert(ends.byteLength + slots.byteLength < 200_000 * 16)
})
