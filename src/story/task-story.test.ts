import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireLayerResult, WireRecord, WireTaskDetail } from '../api/contract.ts'
import { wireTask } from '../testing/service/wire-samples.ts'
import type { Sentence } from './sentence.ts'
import { tellTask } from './task-story.ts'

const id = '5131bdd0-5429-4f7d-8d22-c173b13e833c'
const digest = (n: number): string => `sha256:${String(n).repeat(64)}`

const base: WireTaskDetail = wireTask({ id, created: '2026-11-21T17:00:00.000Z' })

const layer = (index: number, more: Partial<WireLayerResult> = {}): WireLayerResult => ({
  platform: 'linux/amd64',
  index,
  digest: digest(index),
  media_type: 'application/vnd.oci.image.layer.v1.tar+gzip',
  source_size: 1_000_000,
  target_size: 1_000_000,
  entries: 100,
  push: 'uploaded',
  ...more,
})

function completed(layers: WireLayerResult[], more: Partial<WireTaskDetail> = {}): WireTaskDetail {
  const sum = (of: (one: WireLayerResult) => number): number =>
    layers.reduce((total, one) => total + of(one), 0)
  return {
    ...base,
    state: 'completed',
    status: 'COMPLETED',
    finished: '2026-11-21T17:00:12.000Z',
    target: 'hub.test/app:1-esgz',
    target_digest: digest(9),
    rule: 'default',
    attempts: 1,
    source_size: sum((one) => one.source_size),
    target_size: sum((one) => one.target_size),
    report: { driver: 'estargz', layers, kept: [], verified_paths: 1200 },
    timings: { wait_ms: 40, run_ms: 12_000, pull_ms: 1000, convert_ms: 8000, push_ms: 3000 },
    ...more,
  }
}

const record = (type: string, message?: string, code?: string): WireRecord => ({
  time: '2026-11-21T17:00:01.000Z',
  type,
  ...(message === undefined ? {} : { message }),
  ...(code === undefined ? {} : { code }),
})

/** `topic tone: text -> fix`, for one topic where it is given. */
function told(task: WireTaskDetail, records: WireRecord[] = [], topic?: string): string[] {
  return tellTask(task, records)
    .filter((sentence) => topic === undefined || sentence.topic === topic)
    .map(({ tone, text, fix }: Sentence) => `${tone}: ${text}${fix ? ` -> ${fix}` : ''}`)
}

test('a conversion tells where its layers came from, how large they are and how long it took', () => {
  const layers = [layer(1, { found: 'store', push: 'exists' }), layer(2, { found: 'cache' })]
  const task = completed([...layers, layer(3, { target_size: 1_270_000, index_size: 3000 })])
  assert.deepEqual(told(task), [
    `good: hub.test/app:1 was converted to eStargz by the rule default. The result is hub.test/app:1-esgz (${digest(9)}).`,
    'plain: 3 layers: 1 was converted, 1 was found converted in work_dir and 1 was found converted in the remote cache.',
    'plain: Of 3 blobs 2 were uploaded and 1 was in the repository already.',
    'plain: The result has 3.27 MB, the source 3.00 MB: 9.0 % larger. Layer 3 grew most, from 1.00 MB to 1.27 MB for 100 entries, 3.00 kB of them to say where its files are.',
    'good: Before the push it was read back as its readers see it, and 1200 paths were compared with the source: all are the same.',
    'plain: It waited 40 ms and then took 12 s: 1 s to read the manifests, 8 s to convert and 3 s to push.',
    'plain: How clients read it, and what they must be told, is another question. -> accelctl explain --config FILE hub.test/app:1-esgz',
  ])
})

test('what is said of several layers is said once, and not again where the history has it too', () => {
  const zstd = 'it gets a Nydus blob: it is compressed with zstd, which nydusd cannot read in part'
  const layers = [
    layer(1, { warnings: [zstd] }),
    layer(2, { warnings: [zstd] }),
    layer(3, { kept: 'a hard link leads out of it' }),
  ]
  const records = [
    record('queued'),
    record('started'),
    record('warning', 'from the first attempt: too old'),
    record('started'),
    record('warning', `hub.test/app layer 1: ${zstd}`),
    record('warning', `hub.test/app layer 2: ${zstd}`),
    record('warning', 'hub.test/app layer 3 is kept as it is: a hard link leads out of it'),
    record('warning', 'something else'),
  ]
  assert.deepEqual(told(completed(layers), records, 'layers').slice(1, -1), [
    'warning: Layer 3 is in the result as it was, so it is pulled as a whole before a container starts: a hard link leads out of it.',
    `warning: Layers 1 and 2: ${zstd}.`,
    'warning: something else.',
  ])
})

test('a warning that names the layer which grew takes the place of that sentence', () => {
  const task = completed([layer(1, { target_size: 2_000_000 })])
  const records = [record('started'), record('warning', `it grew. Layer 1 (${digest(1)}) most`)]
  assert.deepEqual(told(task, records, 'size'), [
    'plain: The result has 2.00 MB, the source 1.00 MB: 100 % larger.',
  ])
})

test('layers of several platforms are named with theirs', () => {
  const layers = [layer(1), layer(1, { platform: 'linux/arm64', kept: 'it has no entries' })]
  const [counts, kept] = told(completed(layers), [], 'layers')
  assert.equal(
    counts,
    'plain: 2 layers of 2 platforms: 1 was converted and 1 was kept unconverted.',
  )
  assert.match(kept ?? '', /^warning: Layer 1 of linux\/arm64 is in the result as it was/)
})

test('a result that nobody has compared comes with the command that does', () => {
  const { report, ...rest } = completed([layer(1)])
  const { verified_paths: _, ...unverified } = report!
  assert.deepEqual(told({ ...rest, report: unverified }, [], 'check'), [
    'warning: It was not compared with its source before the push. -> accelctl check --config FILE hub.test/app:1 hub.test/app:1-esgz',
  ])
})

test('a failure says what lies behind it and what to do, and which attempts came before', () => {
  const task: WireTaskDetail = {
    ...base,
    state: 'failed',
    status: 'FAILED',
    attempts: 2,
    reason: 'target hub.test/app: hub.test does not let us in',
    code: 'REGISTRY_AUTH',
    remedy: 'Check the account.',
    causes: ['the token service answered 401'],
  }
  const records = [
    record('queued'),
    record('retrying', 'of an earlier order', 'REGISTRY_AUTH'),
    record('queued'),
    record('started'),
    record('retrying', 'it cannot be reached', 'REGISTRY_UNREACHABLE'),
    record('started'),
  ]
  assert.deepEqual(told(task, records), [
    'problem: The conversion of hub.test/app:1 failed after 2 attempts: target hub.test/app: hub.test does not let us in (REGISTRY_AUTH). -> Check the account.',
    'plain: Behind that: the token service answered 401.',
    'warning: Attempt 1 failed at 2026-11-21 17:00:01 UTC: it cannot be reached (REGISTRY_UNREACHABLE).',
    'plain: Which permission or setting is missing can be tested. -> accelctl doctor --config FILE hub.test/app:1',
    `plain: It can be tried again, with all its attempts. -> accelctl task retry ${id}`,
  ])
})

test('the ends of the service while a task ran are told', () => {
  const records = [
    record('queued'),
    record('started'),
    { ...record('interrupted', 'the service died'), time: '2026-11-21T17:30:00.000Z' },
    { ...record('started'), time: '2026-11-21T17:30:01.000Z' },
    { ...record('interrupted', 'the service stopped'), time: '2026-11-21T17:40:00.000Z' },
  ]
  assert.deepEqual(told({ ...base, interruptions: 1 }, records, 'history'), [
    'warning: The run that began at 2026-11-21 17:00:01 UTC ended: the service died. Another began at 2026-11-21 17:30:01 UTC, with the layers that were finished.',
    'warning: The run that began at 2026-11-21 17:30:01 UTC ended: the service stopped.',
  ])
  // as it was before there were such records
  assert.deepEqual(told({ ...base, interruptions: 2 }, [], 'history'), [
    'warning: The service ended 2 times while it ran; it was taken up again, with the layers that were finished.',
  ])
})

const others: [string, Partial<WireTaskDetail>, RegExp][] = [
  ['waits', {}, /^plain: hub.test\/app:1 waits in line/],
  [
    'waits for its next attempt',
    { next_attempt: '2026-11-21T17:00:31.000Z', reason: 'it broke', attempts: 1, remedy: 'Wait.' },
    /^warning: Attempt 1 .* failed: it broke\. The next one begins at 17:00:31 UTC\. -> Wait\.$/,
  ],
  [
    'has to wait since the service died',
    { next_attempt: '2026-11-21T17:00:31.000Z', interruptions: 4 },
    /^warning: hub.test\/app:1 waits: the service died often .* begins at 17:00:31 UTC, /,
  ],
  ['has begun', { state: 'running' }, /^plain: hub.test\/app:1 is being converted\.$/],
  [
    'runs',
    {
      state: 'running',
      attempts: 2,
      progress: {
        phase: 'convert',
        layers: 7,
        layers_done: 3,
        source_bytes: 70_000_000,
        read_bytes: 40_000_000,
        written_bytes: 0,
        pushed_bytes: 0,
      },
    },
    /: 3 of 7 layers are done, 40.0 MB of 70.0 MB are read\. It is attempt 2\.$/,
  ],
  ['was cancelled', { state: 'cancelled' }, /^warning: .* was cancelled\.$/],
  [
    'was superseded',
    { state: 'superseded', reason: 'its tag was moved on' },
    /^plain: its tag was moved on\. What it names now/,
  ],
  [
    'was needless',
    { state: 'completed', skipped: true, reason: 'it is a Nydus image already' },
    /was not converted: it is a Nydus image already\. -> accelctl explain --config FILE hub/,
  ],
  [
    'found an earlier result',
    { state: 'completed', reused: true, target: 'hub.test/app:1-esgz' },
    /^good: Nothing had to be converted: .*hub.test\/app:1-esgz names it now\.$/,
  ],
]
for (const [name, task, expected] of others) {
  test(`a task that ${name}`, () => assert.match(told({ ...base, ...task })[0] ?? '', expected))
}
