import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateMeter } from './rate.ts'

test('a rate is of the last seconds, and falls while nothing comes', () => {
  const meter = new RateMeter()
  assert.equal(meter.rate(0), 0)
  for (let s = 0; s <= 20; s += 1)
    meter.note(s < 10 ? s * 1000 : 10_000 + (s - 10) * 5000, s * 1000)
  const now = meter.rate(20_000)
  assert.ok(now > 4500 && now <= 5000, String(now))
  assert.ok(meter.rate(40_000) < now / 2)
})

test('another attempt begins at nothing', () => {
  const meter = new RateMeter()
  meter.note(0, 0)
  meter.note(8000, 1000)
  assert.equal(meter.rate(1000), 8000)
  meter.note(100, 2000)
  assert.equal(meter.rate(2000), 0)
  meter.note(1100, 3000)
  assert.equal(meter.rate(3000), 1000)
})
