import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { createLog, silentLog } from '../log/log.ts'
import { TaskQueue, type RunTask, type Submitted, type TaskQueueInit } from './queue.ts'
import type { Task, TaskEvent, TaskOutcome } from './task.ts'
import { createMemoryTaskStore, type TaskStore } from './task-store.ts'

const outcome: TaskOutcome = { sourceSize: 10, targetSize: 12 }

/** A run whose tasks end when the test says so, by source. */
function scripted() {
  const started: string[] = []
  const open = new Map<string, PromiseWithResolvers<TaskOutcome>>()
  const signals = new Map<string, AbortSignal>()
  const run: RunTask<string> = (task, { signal }) => {
    started.push(task.source)
    const end = Promise.withResolvers<TaskOutcome>()
    open.set(task.source, end)
    signals.set(task.source, signal)
    return end.promise
  }
  return {
    run,
    started,
    signals,
    end: (source: string) => open.get(source)?.resolve(outcome),
    fail: (source: string, error: unknown) => open.get(source)?.reject(error),
  }
}

async function queueOf(
  run: RunTask<string>,
  init: Partial<TaskQueueInit> = {},
  store: TaskStore = createMemoryTaskStore(),
): Promise<TaskQueue<string>> {
  return TaskQueue.open({ store, log: silentLog, run }, { workers: 2, ...init })
}

async function settled(): Promise<void> {
  // everything in the queue moves by promises alone, so one turn of the event loop sees it through
  await new Promise((resolve) => setImmediate(resolve))
}

const image = (name: string, digest?: string) => ({
  source: name,
  lane: name,
  ...(digest === undefined ? {} : { digest }),
})

test('exactly as many tasks run at once as there are workers, in the order in which they came', async () => {
  const { run, started, end } = scripted()
  const queue = await queueOf(run)
  const submitted = await Promise.all(['a', 'b', 'c', 'd'].map((name) => queue.submit(image(name))))
  await settled()
  assert.deepEqual(started, ['a', 'b'])
  assert.deepEqual(queue.counts(), { waiting: 2, running: 2 })
  end('b')
  await submitted[1]?.done
  await settled()
  assert.deepEqual(started, ['a', 'b', 'c'])
  for (const name of ['a', 'c']) end(name)
  await settled()
  end('d')
  assert.deepEqual(
    (await Promise.all(submitted.map((one) => one.done))).map((task) => task.state),
    ['completed', 'completed', 'completed', 'completed'],
  )
  assert.deepEqual(queue.counts(), { waiting: 0, running: 0 })
})

test('the same digest is joined while it waits and while it runs', async () => {
  const { run, started, end } = scripted()
  const queue = await queueOf(run)
  const first = await queue.submit(image('a', 'sha256:1'))
  await settled()
  const again = await queue.submit(image('a', 'sha256:1'))
  assert.equal(again.joined, true)
  assert.equal(again.task.id, first.task.id)
  end('a')
  assert.equal((await again.done).state, 'completed')
  assert.equal((await queue.submit(image('a', 'sha256:1'))).joined, false)
  assert.equal(started.length, 2)
})

test('orders that come together are joined although the store has not answered yet', async () => {
  const { run } = scripted()
  const slow = createMemoryTaskStore()
  const queue = await queueOf(
    run,
    {},
    {
      ...slow,
      put: async (task) => {
        await settled()
        await slow.put(task)
      },
    },
  )
  const together = await Promise.all([
    queue.submit(image('a', 'sha256:1')),
    queue.submit(image('a', 'sha256:1')),
  ])
  assert.deepEqual(
    together.map((one) => one.joined),
    [false, true],
  )
})

test('a newer digest of a tag is a task of its own, which starts when the older one has ended', async () => {
  const { run, started, end } = scripted()
  const queue = await queueOf(run)
  const older = await queue.submit(image('app:latest', 'sha256:1'))
  const newer = await queue.submit({
    ...image('app:latest', 'sha256:2'),
    source: 'app:latest again',
  })
  await settled()
  assert.equal(newer.joined, false)
  assert.deepEqual(started, ['app:latest'])
  end('app:latest')
  await older.done
  await settled()
  assert.deepEqual(started, ['app:latest', 'app:latest again'])
})

test('without a digest a waiting task is joined, a running one is not: the tag may have moved', async () => {
  const { run, started } = scripted()
  const queue = await queueOf(run)
  const running = await queue.submit(image('a'))
  await settled()
  const waiting = await queue.submit(image('a'))
  const joined = await queue.submit(image('a'))
  assert.notEqual(waiting.task.id, running.task.id)
  assert.equal(joined.task.id, waiting.task.id)
  assert.deepEqual(started, ['a'])
})

test('a busy lane does not hold up the tasks behind it', async () => {
  const { run, started } = scripted()
  const queue = await queueOf(run)
  await queue.submit(image('a', 'sha256:1'))
  await queue.submit(image('a', 'sha256:2'))
  await queue.submit(image('b'))
  await settled()
  assert.deepEqual(started, ['a', 'b'])
})

test('a run that throws fails its task alone, with the code of a known error', async () => {
  const lines: string[] = []
  const { run, end, fail } = scripted()
  const queue = await TaskQueue.open(
    {
      store: createMemoryTaskStore(),
      log: createLog({ write: (line) => lines.push(line) }),
      run: (task, init) => {
        if (task.source === 'sync') throw new TypeError('no such property')
        return run(task, init)
      },
    },
    { workers: 5 },
  )
  const submitted = new Map<string, Submitted>()
  for (const name of ['sync', 'known', 'odd', 'good']) {
    submitted.set(name, await queue.submit(image(name)))
  }
  await settled()
  fail('known', new AccelError('CONTENT_NOT_FOUND', { what: 'known', where: 'the registry' }))
  fail('odd', 'just a text')
  end('good')
  const ended = async (name: string) => {
    const task: Task | undefined = await submitted.get(name)?.done
    return [task?.state, task?.code, task?.reason]
  }
  assert.deepEqual(await ended('sync'), [
    'failed',
    'TASK_DEFECT',
    'conversion of sync met a defect of the program: no such property',
  ])
  assert.deepEqual(await ended('known'), [
    'failed',
    'CONTENT_NOT_FOUND',
    'known is not in the registry',
  ])
  assert.deepEqual(await ended('odd'), [
    'failed',
    'TASK_DEFECT',
    'conversion of odd met a defect of the program: just a text',
  ])
  assert.deepEqual(await ended('good'), ['completed', undefined, undefined])
})

test('tasks are listed newest first, also those of one millisecond', async () => {
  const { run } = scripted()
  const queue = await queueOf(run, { now: () => 1_700_000_000_000 })
  for (const name of ['a', 'b', 'c']) await queue.submit(image(name))
  assert.deepEqual(
    queue.list().map((task) => task.source),
    ['c', 'b', 'a'],
  )
})

test('ended tasks are forgotten after their time and above their number, open ones never', async () => {
  let now = 1000
  const { run, end } = scripted()
  const store = createMemoryTaskStore()
  const queue = await queueOf(
    run,
    { workers: 10, keepMs: 500, keepFinished: 2, now: () => now },
    store,
  )
  const finish = async (name: string) => {
    const { done } = await queue.submit(image(name))
    await settled()
    end(name)
    await done
  }
  await queue.submit(image('open'))
  for (const name of ['a', 'b', 'c']) await finish(name)
  assert.deepEqual(
    queue.list().map((task) => task.source),
    ['c', 'b', 'open'],
  )
  now = 1600
  assert.deepEqual(
    queue.list().map((task) => task.source),
    ['open'],
  )
  assert.deepEqual(
    (await store.load()).map((task) => task.source),
    ['open'],
  )
})

test('a full queue refuses and keeps what it has', async () => {
  const { run } = scripted()
  const queue = await queueOf(run, { workers: 1, maxWaiting: 1 })
  await queue.submit(image('a'))
  await queue.submit(image('b'))
  await assert.rejects(queue.submit(image('c')), (error) => isAccelError(error, 'TASK_QUEUE_FULL'))
  assert.equal((await queue.submit(image('b'))).joined, true)
  assert.equal(queue.list().length, 2)
})

test('an order that cannot be stored is refused and not run', async () => {
  const { run, started } = scripted()
  const queue = await queueOf(
    run,
    { workers: 0 },
    { ...createMemoryTaskStore(), put: () => Promise.reject(new Error('disk full')) },
  )
  const refused = assert.rejects(queue.submit(image('a')), /disk full/)
  const joined = await queue.submit(image('a'))
  await refused
  assert.equal((await joined.done).state, 'failed')
  assert.deepEqual(queue.list(), [])
  assert.deepEqual(started, [])
})

test('stopping cancels what waits and runs, and refuses what comes', async () => {
  const { run, signals, fail } = scripted()
  const queue = await queueOf(run, { workers: 1 })
  const running = await queue.submit(image('a'))
  const waiting = await queue.submit(image('b'))
  await settled()
  signals.get('a')?.addEventListener('abort', () => fail('a', new Error('socket closed')))
  await queue.stop({ deadlineMs: 60_000 })
  for (const one of [await running.done, await waiting.done]) {
    assert.equal(one.state, 'failed')
    assert.equal(one.code, 'TASK_CANCELLED')
    assert.equal(one.reason, `conversion of ${one.source} was cancelled: the service is stopping`)
  }
  await assert.rejects(queue.submit(image('c')), (error) =>
    isAccelError(error, 'TASK_QUEUE_STOPPED'),
  )
})

test('a run that ignores the signal does not hold up the stop, and its late end changes nothing', async () => {
  const { run, end } = scripted()
  const queue = await queueOf(run)
  const stubborn = await queue.submit(image('a'))
  await settled()
  await queue.stop({ deadlineMs: 1 })
  const task = await stubborn.done
  assert.equal(task.code, 'TASK_CANCELLED')
  end('a')
  await settled()
  assert.equal(queue.list()[0]?.state, 'failed')
})

test('a new process takes up what the store says was not ended, in order', async () => {
  const store = createMemoryTaskStore()
  const first = await queueOf(() => new Promise(() => undefined), { workers: 1 }, store)
  await first.submit(image('a'))
  await first.submit(image('b'))
  await settled()
  const { run, started, end } = scripted()
  const second = await queueOf(run, { workers: 1 }, store)
  await settled()
  assert.deepEqual(started, ['a'])
  assert.deepEqual(
    second.list().map((task) => [task.source, task.state]),
    [
      ['b', 'waiting'],
      ['a', 'running'],
    ],
  )
  end('a')
  await settled()
  assert.deepEqual(started, ['a', 'b'])
})

test('listeners hear everything once; one that throws harms nobody', async () => {
  const events: string[] = []
  const queue = await queueOf(async (task, init) => {
    init.progress('half')
    if (task.source === 'b') throw new Error('no')
    return outcome
  })
  const hear = (event: TaskEvent<string>): void => {
    const detail =
      event.type === 'progress' ? event.progress : event.type === 'finished' ? event.task.state : ''
    events.push(`${event.task.source} ${event.type} ${detail}`.trim())
  }
  queue.subscribe(() => {
    throw new Error('listener')
  })
  const leave = queue.subscribe(hear)
  await (
    await queue.submit(image('a'))
  ).done
  await (
    await queue.submit(image('b'))
  ).done
  leave()
  await (
    await queue.submit(image('c'))
  ).done
  assert.deepEqual(events, [
    'a queued',
    'a started',
    'a progress half',
    'a finished completed',
    'b queued',
    'b started',
    'b progress half',
    'b finished failed',
  ])
})

test('a reason is shown without what must stay hidden', async () => {
  const queue = await queueOf(() => Promise.reject(new Error('login with s3cret failed')), {
    redact: (text) => text.replaceAll('s3cret', '***'),
  })
  const { done } = await queue.submit(image('a'))
  assert.match((await done).reason ?? '', /login with \*\*\* failed/)
})
