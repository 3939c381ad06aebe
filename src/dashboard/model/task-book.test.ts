import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NEVER, type WireProgress, type WireTask } from '../../api/contract.ts'
import { TaskBook } from './task-book.ts'
import { workOf } from './work.ts'

function task(id: string, more: Partial<WireTask> = {}): WireTask {
  return {
    id,
    created: `2026-11-21T08:00:0${id}Z`,
    finished: NEVER,
    source: `hub.test/app:${id}`,
    source_size: 0,
    target_size: 0,
    status: 'PROCESSING',
    reason: '',
    state: 'waiting',
    ...more,
  }
}

const progress = (read: number): WireProgress => ({
  phase: 'convert',
  layers: 1,
  layers_done: 0,
  source_bytes: 1000,
  read_bytes: read,
  written_bytes: 0,
  pushed_bytes: 0,
})

const states = (book: TaskBook): string[] => book.all().map(({ id, state }) => `${id} ${state}`)

test('what events say while a list is under way is newer than the list', () => {
  const book = new TaskBook()
  book.put(task('1', { state: 'running' }))
  book.put(task('2'))
  book.beginList()
  book.put(task('3', { state: 'running' }))
  book.put(task('1', { state: 'completed' }))
  book.endList([task('1', { state: 'running' }), task('4', { state: 'failed' })], { whole: true })
  // 2 is not in the whole list of open tasks: somebody removed it while nobody listened
  assert.deepEqual(states(book), ['4 failed', '3 running', '1 completed'])
  book.endList([task('0', { state: 'failed' })], { whole: false })
  assert.equal(states(book).length, 4)
})

test('progress makes a pace and a time that is left, until the task ends', () => {
  const book = new TaskBook()
  book.progress('1', progress(10), 0)
  assert.equal(book.get('1'), undefined)
  book.put(task('1', { state: 'running' }))
  book.progress('1', progress(0), 0)
  book.progress('1', progress(500), 1000)
  const pace = book.pace('1', 1000)
  assert.deepEqual(pace, { read: 500, pushed: 0 })
  const work = workOf(book.get('1')!.progress!, pace)
  assert.deepEqual([work.done, work.total, work.leftMs], [500, 1000, 1000])
  book.endList([task('1', { state: 'running' })], { whole: false })
  assert.equal(book.get('1')?.progress?.read_bytes, 500)
  book.put(task('1', { state: 'completed' }))
  assert.equal(book.get('1')?.progress, undefined)
  assert.deepEqual(book.pace('1', 1000), { read: 0, pushed: 0 })
})

test('without a pace nobody says when it ends; a push counts what was written', () => {
  const still = workOf(progress(500), { read: 0, pushed: 0 })
  assert.equal(still.leftMs, undefined)
  const push = { ...progress(1000), phase: 'push' as const, written_bytes: 800, pushed_bytes: 200 }
  const { done, total, leftMs } = workOf(push, { read: 0, pushed: 100 })
  assert.deepEqual([done, total, leftMs], [200, 800, 6000])
})
