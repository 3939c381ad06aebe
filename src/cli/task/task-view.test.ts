import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireProgress } from '../../api/contract.ts'
import { wireTask } from '../../testing/service/wire-samples.ts'
import { createTaskView } from './task-view.ts'

const task = wireTask({ source: 'localhost/a:1' })

const progress: WireProgress = {
  phase: 'convert',
  layers: 4,
  layers_done: 1,
  source_bytes: 1_000_000,
  read_bytes: 500_000,
  written_bytes: 400_000,
  pushed_bytes: 0,
}

test('a task in line, running, waiting for its next attempt, out of reach, and at its end', () => {
  let now = 0
  const view = createTaskView(() => now)
  const lines = (columns = 120): string[] => view.lines({ columns, rows: 10 })
  assert.deepEqual(lines(), [])
  view.take({ type: 'task', task })
  assert.deepEqual(lines(), ['waiting localhost/a:1  0:00', '  in line'])
  now = 65_000
  view.take({ type: 'task', task: { ...task, state: 'running', attempts: 2 } })
  view.take({ type: 'progress', progress })
  assert.deepEqual(lines(), [
    'running localhost/a:1  1:05  attempt 2',
    '  [====>               ]  convert  layers 1/4  read 500 kB of 1.00 MB  written 400 kB  pushed 0 B',
  ])
  assert.deepEqual(lines(30), ['running localhost/a:1  1:05  …', '  [====>               ]  con…'])
  view.take({ type: 'progress', progress: { ...progress, phase: 'disk' } })
  assert.equal(lines()[1], '  waits for room on the disk')
  view.take({ type: 'reconnecting', problem: 'cannot reach it', inMs: 5 })
  assert.equal(lines()[1], '  connection lost: cannot reach it')
  const paused = { ...task, reason: 'busy', next_attempt: '2026-11-21T08:00:30Z' }
  view.take({ type: 'task', task: paused })
  assert.equal(lines()[1], '  next attempt at 08:00:30 UTC: busy')
  view.take({ type: 'task', task: { ...task, state: 'failed' } })
  assert.deepEqual(lines(), [])
})
