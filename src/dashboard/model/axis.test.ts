import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { labelled, ticksOf, timeTicksOf } from './axis.ts'

test('ticks are round and reach the highest value', () => {
  assert.deepEqual(
    [1, 3, 8, 120, 465_000_000].map((highest) => ticksOf(highest, 1)),
    [
      [0, 1],
      [0, 1, 2, 3],
      [0, 5, 10],
      [0, 50, 100, 150],
      [0, 200_000_000, 400_000_000, 600_000_000],
    ],
  )
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 1e15, noNaN: true }), (highest) => {
      const ticks = ticksOf(highest)
      assert.ok(ticks.length >= 2 && ticks.length <= 4, String(ticks))
      assert.ok(ticks.at(-1)! >= highest * (1 - 1e-8) && ticks.at(-2)! < highest)
    }),
  )
})

test('labels begin at the first bar and fit', () => {
  assert.deepEqual(labelled(48, 4), [0, 12, 24, 36])
  assert.deepEqual(labelled(12, 5), [0, 3, 6, 9])
  assert.deepEqual(labelled(2, 5), [0, 1])
})

test('moments are those that people count in, and fit', () => {
  assert.deepEqual(timeTicksOf(16_600, 6), [0, 5000, 10_000, 15_000])
  assert.deepEqual(timeTicksOf(16_600, 3), [0, 10_000])
  assert.deepEqual(
    timeTicksOf(95 * 60_000, 5),
    [0, 30, 60, 90].map((minute) => minute * 60_000),
  )
  for (const length of [1, 40, 999, 86_400_000 * 9]) {
    const ticks = timeTicksOf(length, 6)
    assert.ok(ticks.length <= 6 && ticks.at(-1)! <= length, `${length}: ${String(ticks)}`)
  }
})
