import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConversionEvent, LayerProgress } from '../convert/events.ts'
import { createProgressView } from './progress.ts'

const MB = 1_000_000

function layer(index: number, change: Partial<LayerProgress> = {}): ConversionEvent {
  return {
    type: 'layer',
    layer: {
      platform: 'linux/amd64',
      index,
      digest: `sha256:${String(index).repeat(64).slice(0, 64)}`,
      state: 'converting',
      size: 40 * MB,
      consumed: 0,
      written: 0,
      pushed: 0,
      ...change,
    },
  }
}

function viewAt() {
  const clock = { now: 0 }
  const view = createProgressView(() => clock.now)
  return { clock, view }
}

const wide = { columns: 200, rows: 24 }

test('every layer has a line with its state and bytes, and the last line is the whole', () => {
  const { clock, view } = viewAt()
  view.take({ type: 'converting', image: 'localhost/app:1' })
  assert.deepEqual(view.lines(wide), [])
  view.take(layer(1))
  view.take(layer(2, { state: 'waiting' }))
  clock.now = 2000
  view.take(layer(1, { consumed: 20 * MB, written: 22 * MB }))
  assert.deepEqual(view.lines(wide), [
    'converting localhost/app:1  0:02',
    '  linux/amd64 1/2  11111111  [=========>          ]  converting 20.0 MB of 40.0 MB',
    '  linux/amd64 2/2  22222222  [                    ]  waiting    40.0 MB',
    // 20 MB in 2 s; 20 + 40 MB are to be read and, as far as can be told, 80 MB to be pushed
    '  read 20.0 MB  written 22.0 MB  pushed 0 B  10.0 MB/s  about 0:14 left',
  ])
})

test('a push counts the bytes of the converted layer', () => {
  const { clock, view } = viewAt()
  view.take({ type: 'pushing', image: 'localhost/app:1-esgz' })
  const read = { consumed: 40 * MB, written: 44 * MB }
  view.take(layer(1, { ...read, state: 'pushing' }))
  clock.now = 1000
  view.take(layer(1, { ...read, state: 'pushing', pushed: 11 * MB }))
  view.take(layer(2, { ...read, state: 'pushed', pushed: 44 * MB }))
  view.take(layer(3, { state: 'kept' }))
  assert.deepEqual(view.lines(wide).slice(1, 4), [
    '  linux/amd64 1/3  11111111  [====>               ]  pushing    11.0 MB of 44.0 MB',
    '  linux/amd64 2/3  22222222  [====================]  pushed     44.0 MB of 44.0 MB',
    '  linux/amd64 3/3  33333333  [====================]  kept       0 B of 40.0 MB',
  ])
})

test('without progress for a while no rate and no time left are claimed', () => {
  const { clock, view } = viewAt()
  view.take(layer(1))
  view.take(layer(1, { consumed: 20 * MB }))
  assert.doesNotMatch(view.lines(wide).at(-1) ?? '', /left|\/s/)
  clock.now = 60_000
  view.take(layer(1, { consumed: 20 * MB }))
  assert.doesNotMatch(view.lines(wide).at(-1) ?? '', /left|\/s/)
})

test('no line is wider than the terminal, and no more lines are shown than it has', () => {
  const { view } = viewAt()
  view.take({ type: 'converting', image: `localhost/${'long/'.repeat(30)}app:1` })
  for (let i = 1; i <= 30; i += 1) view.take(layer(i, { state: i < 20 ? 'pushed' : 'converting' }))
  for (const columns of [1, 10, 40, 79]) {
    for (const line of view.lines({ columns, rows: 24 })) assert.ok(line.length <= columns, line)
  }
  const lines = view.lines({ columns: 200, rows: 12 })
  assert.equal(lines.length, 12)
  assert.equal(lines.at(-2), '  … and 21 more layers')
  // what is under way comes before what is done
  assert.match(lines[1] ?? '', /20\/30/)
  assert.deepEqual(view.lines({ columns: 200, rows: 2 }), [])
})

test('nothing is shown when it is over', () => {
  for (const end of [
    { type: 'skipped', image: 'a', reason: 'b' },
    { type: 'done', report: {} as never },
  ] as const satisfies ConversionEvent[]) {
    const { view } = viewAt()
    view.take(layer(1))
    view.take(end)
    assert.deepEqual(view.lines(wide), [])
  }
})
