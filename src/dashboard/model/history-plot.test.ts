import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NEVER, type WireTask } from '../../api/contract.ts'
import { wireTask } from '../../testing/service/wire-samples.ts'
import { bucketsOf } from './history-plot.ts'

const NOW = Date.parse('2026-11-21T12:34:56Z')

const ended = (agoMs: number, state: WireTask['state'] = 'completed'): WireTask =>
  wireTask({
    id: String(agoMs),
    finished: state === 'running' ? NEVER : new Date(NOW - agoMs).toISOString(),
    source_size: 10,
    target_size: 9,
    state,
  })

test('without an ended task there is no bar', () => {
  assert.deepEqual(bucketsOf([ended(0, 'running'), ended(5, 'cancelled')], NOW).bars, [])
})

test('bars are told apart by minute, and only conversions have bytes', () => {
  const there = { ...ended(10), reused: true as const }
  const tasks = [ended(0), there, ended(1000, 'failed'), ended(120_000)]
  const { step, bars } = bucketsOf(tasks, NOW)
  assert.equal(step, 60_000)
  const last = bars.at(-1)
  assert.deepEqual(last, {
    from: Date.parse('2026-11-21T12:34:00Z'),
    converted: 1,
    spared: 1,
    failed: 1,
    sourceBytes: 10,
    targetBytes: 9,
  })
  assert.equal(bars.at(-3)?.converted, 1)
})

test('every ended task is in exactly one bar, however far back', () => {
  const agos = fc.array(fc.integer({ min: 0, max: 300 * 24 * 3600_000 }), { minLength: 1 })
  fc.assert(
    fc.property(agos, (all) => {
      const { step, bars } = bucketsOf(
        all.map((ago) => ended(ago)),
        NOW,
      )
      const total = bars.reduce((sum, { converted }) => sum + converted, 0)
      assert.equal(total, all.length)
      assert.ok(bars.length <= 48)
      for (const ago of all) {
        assert.ok(
          bars.some(
            ({ from, converted }) => converted > 0 && from <= NOW - ago && NOW - ago < from + step,
          ),
        )
      }
    }),
  )
})
