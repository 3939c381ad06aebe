import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatChange, formatClock, formatSize } from './quantity.ts'

const sizes: [number, string][] = [
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [9_999, '10.0 kB'],
  [72_351_744, '72.4 MB'],
  [999_600, '1.00 MB'],
  [123_456_789_012, '123 GB'],
  [5e15, '5000 TB'],
]
for (const [bytes, text] of sizes) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(formatSize(bytes), text))
}

const clocks: [number, string][] = [
  [0, '0:00'],
  [7.4, '0:07'],
  [59.6, '1:00'],
  [750, '12:30'],
  [3723, '1:02:03'],
]
for (const [seconds, text] of clocks) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(formatClock(seconds), text))
}

test('a change is a percentage with a sign', () => {
  assert.equal(formatChange(100, 103), '+3.0 %')
  assert.equal(formatChange(100, 88), '-12 %')
  assert.equal(formatChange(0, 5), '')
})
