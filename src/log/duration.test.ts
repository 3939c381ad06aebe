import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration } from './duration.ts'

// Left: nanoseconds. Right: what Go's time.Duration.String printed for them.
const printedByGo: [number, string][] = [
  [0, '0s'],
  [1, '1ns'],
  [999, '999ns'],
  [1_000, '1µs'],
  [1_500, '1.5µs'],
  [552_695, '552.695µs'],
  [28_039_000, '28.039ms'],
  [1_000_000, '1ms'],
  [1_500_000_000, '1.5s'],
  [59_999_999_999, '59.999999999s'],
  [60_000_000_000, '1m0s'],
  [61_500_000_000, '1m1.5s'],
  [3_723_000_000_000, '1h2m3s'],
  [90_000_000_000_000, '25h0m0s'],
  [-1_500_000, '-1.5ms'],
]

for (const [nanoseconds, text] of printedByGo) {
  test(`${nanoseconds} ns is ${text}`, () => {
    assert.equal(formatDuration(nanoseconds / 1e6), text)
  })
}
