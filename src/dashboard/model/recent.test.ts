import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NEVER, type WireTask } from '../../api/contract.ts'
import { wireTask } from '../../testing/service/wire-samples.ts'
import { RECENT_MS, recentOf } from './recent.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const task = (agoMs: number, more: Partial<WireTask> = {}): WireTask =>
  wireTask({
    finished: new Date(NOW - agoMs).toISOString(),
    source_size: 100,
    target_size: 90,
    state: 'completed',
    ...more,
  })

test('what ended lately is counted, and bytes are of what was converted', () => {
  const tasks = [
    task(0),
    task(1000, { state: 'failed' }),
    task(2000, { reused: true }),
    task(3000, { skipped: true }),
    task(4000, { state: 'cancelled' }),
    task(RECENT_MS + 1),
    task(0, { state: 'running', finished: NEVER }),
  ]
  assert.deepEqual(recentOf(tasks, NOW), { ended: 4, failed: 1, sourceBytes: 100, targetBytes: 90 })
})
