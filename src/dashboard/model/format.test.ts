import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatAge,
  formatBytes,
  formatChange,
  formatRate,
  formatSpan,
  shortHex,
  shortDigests,
} from './format.ts'

test('sizes have three digits at most, in the unit that makes them so', () => {
  const cases = [0, 999, 1000, 12_345, 999_499, 999_500, 1e9, 45_600_000_000, 7e18].map(formatBytes)
  assert.deepEqual(cases, [
    '0 bytes',
    '999 bytes',
    '1.00 kB',
    '12.3 kB',
    '999 kB',
    '1.00 MB',
    '1.00 GB',
    '45.6 GB',
    '7000 PB',
  ])
  assert.equal(formatRate(2_500_000), '2.50 MB/s')
})

test('spans show their two largest units', () => {
  const seconds = [0.25, 4.24, 5, 59.9, 59.96, 192, 3600, 7_500, 86_400 * 3 + 4 * 3600]
  assert.deepEqual(
    seconds.map((s) => formatSpan(s * 1000)),
    ['250 ms', '4.2 s', '5 s', '60 s', '1 min', '3 min 12 s', '1 h', '2 h 5 min', '3 d 4 h'],
  )
})

test('an age is in its largest unit, and never of the future', () => {
  assert.deepEqual(
    [-5, 59.9, 61, 3599, 3600, 47 * 3600, 49 * 3600].map((s) => formatAge(s * 1000)),
    ['0 s', '59 s', '1 min', '59 min', '1 h', '47 h', '2 d'],
  )
})

test('digests in a message are shortened, and nothing else is', () => {
  const hex = '0123456789ab'.padEnd(64, 'c')
  assert.equal(
    shortDigests(`blob sha256:${hex} of a/b: expected sha256:${hex}, sha256:abc, ${hex}`),
    `blob sha256:0123456789ab… of a/b: expected sha256:0123456789ab…, sha256:abc, ${hex}`,
  )
})

test('a change says its direction, and nothing of an empty image', () => {
  assert.deepEqual(
    [
      formatChange(100, 96),
      formatChange(100, 112),
      formatChange(100_000, 100_001),
      formatChange(0, 5),
    ],
    ['4.0 % smaller', '12 % larger', 'same size', ''],
  )
  assert.equal(shortHex(`sha256:${'ab'.repeat(32)}`), 'abababababab')
})
