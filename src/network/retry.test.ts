import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createRetries, isRetryableStatus, parseRetryAfter } from './retry.ts'

const now = Date.parse('2026-01-01T00:00:00Z')

for (const [value, want] of [
  [undefined, undefined],
  ['0', 0],
  [' 120 ', 120_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['99999999999', undefined],
  ['', undefined],
] as const) {
  test(`Retry-After ${JSON.stringify(value)} is ${want}`, () => {
    assert.equal(parseRetryAfter(value, now), want)
  })
}

test('pauses double up to the longest, and the attempts end', async () => {
  const clock = createFakeClock()
  const retries = createRetries(clock, { attempts: 6, pauseMs: 100, maxPauseMs: 500 })
  const again: boolean[] = []
  for (let i = 0; i < 6; i++) again.push(await retries.again(undefined, undefined))
  assert.deepEqual(again, [true, true, true, true, true, false])
  assert.deepEqual(clock.sleeps, [50, 100, 200, 250, 250])
})

test('the whole of a pause is spread over its upper half', async () => {
  const clock = { ...createFakeClock(), random: () => 0.999 }
  await createRetries(clock, { pauseMs: 1000 }).again(undefined, undefined)
  assert.equal(Math.round(clock.sleeps[0] ?? 0), 1000)
})

test('a longer pause that the registry asks for is kept, up to a limit', async () => {
  const clock = createFakeClock()
  const retries = createRetries(clock, { pauseMs: 100, maxRetryAfterMs: 5000 })
  await retries.again(3000, undefined)
  await retries.again(90_000, undefined)
  assert.deepEqual(clock.sleeps, [3000, 5000])
})

test('no attempt begins after the total time', async () => {
  const clock = createFakeClock()
  const retries = createRetries(clock, { totalMs: 10_000 })
  assert.equal(await retries.again(8000, undefined), true)
  assert.equal(await retries.again(8000, undefined), false)
  assert.deepEqual(clock.sleeps, [8000])
})

test('what was achieved begins the count anew', async () => {
  const retries = createRetries(createFakeClock(), { attempts: 2 })
  assert.equal(await retries.again(undefined, undefined), true)
  retries.progressed()
  assert.equal(await retries.again(undefined, undefined), true)
  assert.equal(await retries.again(undefined, undefined), false)
})

test('an abort ends the waiting', async () => {
  const retries = createRetries(createFakeClock(), {})
  await assert.rejects(retries.again(undefined, AbortSignal.abort()), { name: 'AbortError' })
})

test('only what may pass is asked again', () => {
  const retryable = [
    200, 400, 401, 403, 404, 408, 412, 413, 429, 500, 501, 502, 503, 504, 505,
  ].filter(isRetryableStatus)
  assert.deepEqual(retryable, [408, 429, 500, 502, 503, 504])
})
