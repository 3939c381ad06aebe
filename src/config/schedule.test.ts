import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSchedule } from './schedule.ts'

function next(schedule: string, from: string): string {
  const parsed = parseSchedule(schedule)
  assert.ok(typeof parsed !== 'string', String(parsed))
  return new Date(parsed.next(Date.parse(from))).toISOString().slice(0, 16)
}

// 2026-11-21 is a Saturday
const times: [schedule: string, from: string, next: string][] = [
  ['90s', '2026-11-21T10:00:00Z', '2026-11-21T10:01'],
  ['6h', '2026-11-21T22:00:00Z', '2026-11-22T04:00'],
  ['1d', '2026-11-30T01:00:00Z', '2026-12-01T01:00'],
  ['0 3 * * *', '2026-11-21T03:00:00Z', '2026-11-22T03:00'],
  ['0 3 * * *', '2026-11-21T02:59:59Z', '2026-11-21T03:00'],
  ['*/15 * * * *', '2026-11-21T10:46:00Z', '2026-11-21T11:00'],
  ['5,10-12 8-9 * * *', '2026-11-21T08:10:30Z', '2026-11-21T08:11'],
  ['30 23 31 * *', '2026-11-21T00:00:00Z', '2026-12-31T23:30'],
  ['0 0 29 2 *', '2026-11-21T00:00:00Z', '2028-02-29T00:00'],
  ['0 4 * * 7', '2026-11-21T00:00:00Z', '2026-11-22T04:00'],
  ['0 4 * * 1-5', '2026-11-21T00:00:00Z', '2026-11-23T04:00'],
  ['0 4 1 * 1', '2026-11-21T00:00:00Z', '2026-11-23T04:00'],
  ['0 4 1 * 1', '2026-11-30T05:00:00Z', '2026-12-01T04:00'],
]

test('the next time of intervals and of cron lines', () => {
  for (const [schedule, from, expected] of times) {
    assert.equal(next(schedule, from), expected, `${schedule} after ${from}`)
  }
})

test('what is no schedule is said in words', () => {
  const wrong: [text: string, problem: RegExp][] = [
    ['soon', /neither an interval/],
    ['10s', /not between 1m and 31d/],
    ['40d', /not between/],
    ['60 * * * *', /no minute of cron/],
    ['* 5-3 * * *', /no hour of cron/],
    ['* * 0 * *', /no day of the month/],
    ['* * * * 8', /no day of the week/],
    ['*/0 * * * *', /no minute/],
    ['0 0 30 2 *', /never comes/],
  ]
  for (const [text, problem] of wrong) {
    const parsed = parseSchedule(text)
    assert.ok(typeof parsed === 'string', text)
    assert.match(parsed, problem)
  }
})
