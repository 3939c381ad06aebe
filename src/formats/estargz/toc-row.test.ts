import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { modtimeText, NEWEST_TIME, OLDEST_TIME } from './toc-row.ts'

test('times are those of Date, with the nanoseconds that there are', () => {
  const nanoseconds = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 999_999_999 }))
  const mtime = fc.integer({ min: OLDEST_TIME, max: NEWEST_TIME })
  fc.assert(
    fc.property(mtime, nanoseconds, (seconds, mtimeNanoseconds) => {
      const text = modtimeText({ mtime: seconds, mtimeNanoseconds })
      assert.equal(text.slice(0, 19), new Date(seconds * 1000).toISOString().slice(0, 19))
      const [, fraction = '0'] = /\.(\d+)Z$/.exec(text) ?? []
      assert.equal(Number(fraction.padEnd(9, '0')), mtimeNanoseconds)
      assert(!text.includes('.') || !text.endsWith('0Z'))
    }),
  )
})

test('the time 0 is written', () => {
  assert.equal(modtimeText({ mtime: 0, mtimeNanoseconds: 0 }), '1970-01-01T00:00:00Z')
  assert.equal(
    modtimeText({ mtime: 1_600_000_000, mtimeNanoseconds: 500_000_000 }),
    '2020-09-13T12:26:40.5Z',
  )
})
