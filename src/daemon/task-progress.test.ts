import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LayerProgress } from '../convert/events.ts'
import { progressSum } from './task-progress.ts'

const layer = (index: number, change: Partial<LayerProgress>) => ({
  type: 'layer' as const,
  layer: {
    platform: 'linux/amd64',
    index,
    digest: `sha256:${String(index).repeat(64)}`,
    state: 'waiting' as const,
    size: 100,
    consumed: 0,
    written: 0,
    pushed: 0,
    ...change,
  },
})

test('layers are summed up, and each has the times at which it came into its states', () => {
  let now = 0
  const sum = progressSum(() => (now += 1))
  assert.equal(sum({ type: 'converting', image: 'a' })?.phase, 'convert')
  const first = sum(layer(1, {}))
  sum(layer(2, {}))
  sum(layer(1, { state: 'converting', consumed: 50, written: 40 }))
  sum(layer(1, { state: 'converting', consumed: 90, written: 80 }))
  // found in the store: it is never seen converting
  sum(layer(2, { state: 'converted', consumed: 100, written: 70 }))
  sum(layer(1, { state: 'converted', consumed: 100, written: 90 }))
  sum(layer(1, { state: 'pushing', consumed: 100, written: 90, pushed: 10 }))
  const last = sum(layer(1, { state: 'pushed', consumed: 100, written: 90, pushed: 90 }))
  const { each = [], ...sums } = last ?? {}
  assert.deepEqual(sums, {
    phase: 'convert',
    layers: 2,
    layersDone: 2,
    sourceBytes: 200,
    readBytes: 200,
    writtenBytes: 160,
    pushedBytes: 90,
  })
  const times = each.map(({ index, convertFrom, convertTo, pushFrom, pushTo }) => [
    index,
    convertFrom,
    convertTo,
    pushFrom,
    pushTo,
  ])
  assert.deepEqual(times, [
    [1, 1, 3, 4, 5],
    [2, undefined, 2, undefined, undefined],
  ])
  // what was told before is not changed by what came later
  assert.deepEqual(
    first?.each?.map(({ state }) => state),
    ['waiting'],
  )
  assert.equal(sum({ type: 'skipped', image: 'a', reason: 'b' }), undefined)
})
