import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireLayer, WireRecord } from '../../api/contract.ts'
import { timelineOf } from './timeline.ts'

const at = (second: number): string => new Date(second * 1000).toISOString()
const record = (second: number, type: string, message?: string): WireRecord => ({
  time: at(second),
  type,
  ...(message === undefined ? {} : { message }),
})
const layer = (index: number, more: Partial<WireLayer>): WireLayer => ({
  platform: 'linux/amd64',
  index,
  digest: 'sha256:00',
  state: 'pushed',
  size: 1,
  read: 1,
  written: 1,
  pushed: 1,
  ...more,
})
const seconds = (spans: { kind: string; from: number; to: number }[] = []): string[] =>
  spans.map(({ kind, from, to }) => `${kind} ${from / 1000}-${to / 1000}`)

test('phases follow each other over two attempts, and what is no phase is no span', () => {
  const records = [
    record(0, 'queued'),
    record(1, 'started'),
    record(1.5, 'phase', 'pull'),
    record(2, 'phase', 'convert'),
    record(3, 'warning', 'convert'),
    record(4, 'retrying'),
    record(9, 'started'),
    record(10, 'phase', 'convert'),
    record(15, 'phase', 'push'),
    record(20, 'completed'),
  ]
  const timeline = timelineOf(records, [], 99_000)
  assert.deepEqual([timeline?.from, timeline?.to, timeline?.waited], [1000, 20_000, 1000])
  assert.deepEqual(seconds(timeline?.lanes[0]?.spans), [
    'pull 1-2',
    'convert 2-4',
    'wait 4-9',
    'pull 9-10',
    'convert 10-15',
    'push 15-20',
  ])
})

test('a run ends with the service, and another begins', () => {
  const records = [
    record(0, 'queued'),
    record(1, 'started'),
    record(2, 'phase', 'convert'),
    record(7, 'interrupted', 'the service died'),
    record(8, 'started'),
    record(9, 'completed'),
  ]
  assert.deepEqual(seconds(timelineOf(records, [], 99_000)?.lanes[0]?.spans), [
    'pull 1-2',
    'convert 2-7',
    'wait 7-8',
    'pull 8-9',
  ])
})

test('what has not ended goes on to now; a task that was asked for again begins there', () => {
  const records = [
    record(0, 'queued'),
    record(1, 'failed'),
    record(5, 'queued'),
    record(6, 'started'),
  ]
  const layers = [layer(1, { state: 'converting', convert_from: at(7) })]
  const timeline = timelineOf(records, layers, 10_000)
  assert.deepEqual(seconds(timeline?.lanes[0]?.spans), ['pull 6-10'])
  assert.deepEqual(seconds(timeline?.lanes[1]?.spans), ['convert 7-10'])
})

test('a layer of an attempt that failed did not go on behind it', () => {
  const records = [record(0, 'queued'), record(1, 'started'), record(5, 'retrying')]
  const layers = [layer(1, { state: 'converting', convert_from: at(2) })]
  const [task, lane] = timelineOf(records, layers, 60_000)?.lanes ?? []
  assert.deepEqual(seconds(task?.spans), ['pull 1-5', 'wait 5-60'])
  assert.deepEqual(seconds(lane?.spans), ['convert 2-5'])
})

test('of a layer that was converted before it is said when it was found', () => {
  const layers = [layer(2, { convert_to: at(2), push_from: at(3), push_to: at(4) })]
  const [, lane] = timelineOf([record(0, 'queued'), record(5, 'completed')], layers, 0)?.lanes ?? []
  assert.equal(lane?.foundAt, 2000)
  assert.deepEqual(seconds(lane?.spans), ['push 3-4'])
  assert.equal(timelineOf([], layers, 0), undefined)
  const there = [layer(1, { platform: 'linux/arm64/v8', push_to: at(4) }), ...layers]
  const lanes = timelineOf([record(0, 'queued')], there, 9000)?.lanes
  assert.deepEqual(
    lanes?.map(({ name }) => name),
    ['task', '1 arm64/v8', '2 amd64'],
  )
  const waiting = timelineOf([record(3, 'queued')], [], 9000)
  assert.deepEqual(seconds(waiting?.lanes[0]?.spans), ['wait 3-9'])
})
