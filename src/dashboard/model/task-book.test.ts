import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireLayer, WireTask } from '../../api/contract.ts'
import { wireTask } from '../../testing/service/wire-samples.ts'
import { activeOf, layersWith, TaskBook, type LiveProgress } from './task-book.ts'
import { layerWorkOf, workOf } from './work.ts'

const task = (id: string, more: Partial<WireTask> = {}): WireTask =>
  wireTask({ id, created: `2026-11-21T08:00:0${id}Z`, source: `hub.test/app:${id}`, ...more })

const progress = (read: number, active: WireLayer[] = []): LiveProgress => ({
  active,
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
  assert.equal(book.progressOf('1'), undefined)
  book.put(task('1', { state: 'running' }))
  const listed = book.all()
  book.progress('1', progress(0), 0)
  book.progress('1', progress(500), 1000)
  // what shows the list needs not be drawn anew
  assert.equal(book.all(), listed)
  const pace = book.paces.of('1', 1000)
  assert.deepEqual(pace, { read: 500, pushed: 0 })
  const work = workOf(book.progressOf('1')!, pace)
  assert.deepEqual([work.done, work.total, work.leftMs], [500, 1000, 1000])
  book.endList([task('1', { state: 'running' })], { whole: false })
  assert.equal(book.progressOf('1')?.read_bytes, 500)
  book.put(task('1', { state: 'completed' }))
  assert.equal(book.progressOf('1'), undefined)
  assert.deepEqual(book.paces.of('1', 1000), { read: 0, pushed: 0 })
})

test('without a pace nobody says when it ends; a push counts what was written', () => {
  const still = workOf(progress(500), { read: 0, pushed: 0 })
  assert.deepEqual([still.name, still.leftMs], ['converting', undefined])
  const push = { ...progress(1000), phase: 'push' as const, written_bytes: 800, pushed_bytes: 200 }
  const { done, total, leftMs } = workOf(push, { read: 0, pushed: 100 })
  assert.deepEqual([done, total, leftMs], [200, 800, 6000])
  const read = workOf(progress(1000), { read: 50, pushed: 0 })
  assert.deepEqual([read.name, read.leftMs], ['finishing the last layers', undefined])
})

test('a layer has a pace of its own in what is done with it', () => {
  const layer = (state: WireLayer['state'], bytes: number): WireLayer => ({
    platform: 'linux/amd64',
    index: 2,
    digest: 'sha256:00',
    state,
    size: 1000,
    read: state === 'converting' ? bytes : 1000,
    written: 900,
    pushed: state === 'pushing' ? bytes : 0,
  })
  const book = new TaskBook()
  book.put(task('1', { state: 'running' }))
  const told = (active: WireLayer, second: number): string => {
    book.progress('1', progress(0, [active]), second * 1000)
    const work = layerWorkOf(active, book.paces.ofLayer('1', active, second * 1000))
    return `${work.name} ${work.done}/${work.total} ${work.bytesPerSecond} ${work.leftMs}`
  }
  assert.equal(told(layer('converting', 0), 0), 'converting 0/1000 0 undefined')
  assert.equal(told(layer('converting', 400), 2), 'converting 400/1000 200 3000')
  assert.equal(told(layer('converting', 1000), 4), 'finishing 1000/1000 250 undefined')
  assert.equal(told(layer('pushing', 0), 5), 'pushing 0/900 0 undefined')
  assert.equal(told(layer('pushing', 300), 6), 'pushing 300/900 300 2000')
  const all = [layer('converted', 0), { ...layer('pushed', 0), index: 1 }]
  const now = layersWith(all, [layer('pushing', 300)])
  assert.deepEqual(
    now.map(({ index, state }) => `${index} ${state}`),
    ['2 pushing', '1 pushed'],
  )
  assert.deepEqual(activeOf(now), [now[0]])
})
