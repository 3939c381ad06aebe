import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { createLog, silentLog } from '../log/log.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { memoryTaskStore } from '../testing/memory-task-store.ts'
import { scriptRun } from '../testing/scripted-run.ts'
import { settled } from '../testing/settled.ts'
import { TaskQueue, type RunTask, type Submitted, type TaskQueueInit } from './queue.ts'
import type { TaskEvent, TaskOrder } from './task.ts'
import type { TaskStore } from './task-store.ts'

const outcome = { sourceSize: 10, targetSize: 12 }

function queueOf(
  run: RunTask,
  init: Partial<TaskQueueInit> = {},
  store: TaskStore = memoryTaskStore(),
  clock = createManualClock(),
): Promise<TaskQueue> {
  return TaskQueue.open({ store, log: silentLog, run, clock }, { workers: 2, ...init })
}

/** What happened to a task. */
const told = (queue: TaskQueue, id: string): string[] =>
  queue.events(id).map(({ type, message }) => (message === undefined ? type : `${type} ${message}`))

const image = (name: string, digest?: string): TaskOrder => ({
  source: name,
  host: 'localhost',
  lane: name,
  ...(digest === undefined ? {} : { digest }),
})

const passing = (): AccelError =>
  new AccelError('CONTENT_SIZE_MISMATCH', { what: 'a blob', want: 2, got: 1 })

test('exactly as many tasks run at once as there are workers, in the order in which they came', async () => {
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run)
  const submitted = await queue.submitAll(['a', 'b', 'c', 'd'].map((name) => image(name)))
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

test('a registry has no more workers than it is given; others go on', async () => {
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run, { workers: 5, workersOf: (host) => (host === 'slow' ? 1 : 9) })
  const slow = (name: string): TaskOrder => ({ ...image(name), host: 'slow' })
  await queue.submitAll([slow('a'), slow('b'), image('c'), image('d')])
  assert.deepEqual(started, ['a', 'c', 'd'])
  end('a')
  await settled()
  assert.deepEqual(started, ['a', 'c', 'd', 'b'])
})

test('the same digest is joined while it waits and while it runs, but not for another recipe', async () => {
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run)
  const first = await queue.submit(image('a', 'sha256:1'))
  const again = await queue.submit(image('a', 'sha256:1'))
  assert.equal(again.joined, true)
  assert.equal(again.task.id, first.task.id)
  end('a')
  assert.equal((await again.done).state, 'completed')
  assert.equal((await queue.submit(image('a', 'sha256:1'))).joined, false)
  assert.equal(started.length, 2)
  const other = { ...image('a', 'sha256:1'), recipe: 'other options' }
  assert.equal((await queue.submit(other)).joined, false)
})

test('the same digest under two tags is converted once at a time: the second finds what the first has made', async () => {
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run)
  const tagged = (tag: string): TaskOrder => ({
    ...image(tag, 'sha256:1'),
    repository: 'localhost/a',
  })
  await queue.submitAll([tagged('v1'), tagged('v2'), { ...tagged('v3'), rule: 'other' }])
  assert.deepEqual(started, ['v1', 'v3'])
  end('v1')
  await settled()
  assert.deepEqual(started, ['v1', 'v3', 'v2'])
})

test('orders that come together are joined although the store has not answered yet', async () => {
  const { run } = scriptRun()
  const queue = await queueOf(run)
  const together = await Promise.all([
    queue.submit(image('a', 'sha256:1')),
    queue.submit(image('a', 'sha256:1')),
  ])
  assert.deepEqual(
    together.map((one) => one.joined),
    [false, true],
  )
})

test('a newer digest of a tag takes the place of older ones, waiting or running, and waits for their end', async () => {
  const { run, started, init, end } = scriptRun()
  const queue = await queueOf(run)
  const pushed = (digest: string): TaskOrder => ({ ...image('app:latest', digest), source: digest })
  const running = await queue.submit(pushed('sha256:1'))
  const stopping = Promise.withResolvers<void>()
  init('sha256:1').signal.addEventListener('abort', () => stopping.resolve())
  const waiting = await queue.submit(pushed('sha256:2'))
  await stopping.promise
  const newest = await queue.submit(pushed('sha256:3'))
  for (const old of [running, waiting]) {
    const task = await old.done
    assert.deepEqual([task.state, task.code], ['superseded', 'TASK_SUPERSEDED'])
  }
  await settled()
  assert.deepEqual(started, ['sha256:1', 'sha256:3'])
  end('sha256:3')
  assert.equal((await newest.done).state, 'completed')
})

test('an event that comes late does not take the place of a newer one', async () => {
  const { run, started } = scriptRun()
  const queue = await queueOf(run, { workers: 1 })
  await queue.submit({ ...image('app', 'sha256:new'), pushedAt: 2000 })
  const late = await queue.submit({ ...image('app', 'sha256:old'), pushedAt: 1000 })
  assert.equal((await late.done).state, 'superseded')
  assert.deepEqual(started, ['app'])
  assert.deepEqual(queue.counts(), { waiting: 0, running: 1 })
})

test('what a tag is found to name meanwhile becomes a task of its own', async () => {
  const { run, started, task, end } = scriptRun()
  const queue = await queueOf(run, { workers: 1 })
  const { done } = await queue.submit({ ...image('app', 'sha256:1'), recipe: 'r', rule: 'all' })
  end('app', { movedTo: 'sha256:2' })
  assert.equal((await done).state, 'superseded')
  await settled()
  assert.equal(started.length, 2)
  const { digest, recipe, rule, lane } = task('app')
  assert.deepEqual([digest, recipe, rule, lane], ['sha256:2', 'r', 'all', 'app'])
  // and so when the tag was moved right after the result was pushed
  end('app', { movedTo: 'sha256:3', target: 'app-esgz' })
  await settled()
  assert.equal(task('app').digest, 'sha256:3')
  assert.deepEqual(
    queue.list().tasks.map(({ state }) => state),
    ['running', 'completed', 'superseded'],
  )
})

test('without a digest a waiting task is joined, a running one is not: the tag may have moved', async () => {
  const { run, started } = scriptRun()
  const queue = await queueOf(run)
  const running = await queue.submit(image('a'))
  const waiting = await queue.submit(image('a'))
  const joined = await queue.submit(image('a'))
  assert.notEqual(waiting.task.id, running.task.id)
  assert.equal(joined.task.id, waiting.task.id)
  assert.deepEqual(started, ['a'])
})

test('a busy lane does not hold up the tasks behind it', async () => {
  const { run, started } = scriptRun()
  const queue = await queueOf(run)
  await queue.submitAll([image('a'), image('b')])
  await queue.submit(image('a'))
  await queue.submit(image('c'))
  assert.deepEqual(started, ['a', 'b'])
  await queue.cancel(queue.list({ text: 'b' }).tasks[0]!.id)
  await settled()
  assert.deepEqual(started, ['a', 'b', 'c'])
})

test('a run that throws fails its task alone, with the code and remedy of a known error', async () => {
  const scripted = scriptRun()
  const queue = await queueOf(
    (task, init) => {
      if (task.source === 'sync') throw new TypeError('no such property')
      return scripted.run(task, init)
    },
    { workers: 5 },
  )
  const submitted = new Map<string, Submitted>()
  for (const name of ['sync', 'known', 'odd', 'good']) {
    submitted.set(name, await queue.submit(image(name)))
  }
  const unknown = new AccelError('CONTENT_NOT_FOUND', { what: 'known', where: 'the registry' })
  scripted.fail('known', unknown)
  scripted.fail('odd', 'just a text')
  scripted.end('good')
  const ended = async (name: string) => {
    const task = await submitted.get(name)?.done
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
  assert.equal((await submitted.get('known')?.done)?.remedy, unknown.hint)
  assert.deepEqual(await ended('odd'), [
    'failed',
    'TASK_DEFECT',
    'conversion of odd met a defect of the program: just a text',
  ])
  assert.deepEqual(await ended('good'), ['completed', undefined, undefined])
})

test('what can pass is tried again after growing pauses, as often as there are attempts', async () => {
  const clock = createManualClock()
  const { run, started, fail } = scriptRun()
  const store = memoryTaskStore()
  const queue = await queueOf(run, { attempts: 3, pauseMs: 1000 }, store, clock)
  const { task, done } = await queue.submit(image('a'))
  for (const pause of [500, 1000]) {
    fail('a', passing())
    await settled()
    const waiting = queue.get(task.id)
    assert.deepEqual([waiting.state, waiting.code], ['waiting', 'CONTENT_SIZE_MISMATCH'])
    assert.equal(waiting.notBefore, clock.now() + pause)
    assert.equal(clock.nextIn, pause)
    clock.advance(pause)
    await settled()
  }
  assert.equal(started.length, 3)
  fail('a', passing())
  const failed = await done
  assert.deepEqual([failed.state, failed.attempts], ['failed', 3])
  assert.deepEqual(
    queue.events(task.id).map(({ type }) => type),
    ['queued', 'started', 'retrying', 'started', 'retrying', 'started', 'failed'],
  )
})

test('a pause is as long as it was meant, however the clock is set meanwhile, and over a restart', async () => {
  const clock = createManualClock()
  const first = scriptRun()
  const store = memoryTaskStore()
  const queue = await queueOf(first.run, { pauseMs: 1000 }, store, clock)
  await queue.submit(image('a'))
  first.fail('a', passing())
  await settled()
  clock.set(clock.now() - 365 * 24 * 3_600_000)
  clock.advance(500)
  await settled()
  assert.equal(first.started.length, 2)
  first.fail('a', passing())
  await settled()
  await queue.stop({ deadlineMs: 1 })
  clock.set(clock.now() - 365 * 24 * 3_600_000)
  const second = scriptRun()
  await queueOf(second.run, { pauseMs: 1000, maxPauseMs: 3000 }, store, clock)
  assert.deepEqual(second.started, [])
  clock.advance(3000)
  assert.deepEqual(second.started, ['a'])
})

test('a run in which no byte moves is stopped and tried again; one that waits for the disk is left alone', async () => {
  const clock = createManualClock()
  const { run, init } = scriptRun()
  const queue = await queueOf(run, { stallMs: 100, pauseMs: 10 }, memoryTaskStore(), clock)
  const { task } = await queue.submit(image('a'))
  const progress = (readBytes: number, phase: 'pull' | 'disk' = 'pull'): void =>
    init('a').progress({ phase, layers: 1, layersDone: 0, sourceBytes: 9, readBytes, writtenBytes: 0, pushedBytes: 0 }) // prettier-ignore
  for (const bytes of [1, 2, 3]) {
    clock.advance(90)
    progress(bytes)
  }
  progress(3, 'disk')
  clock.advance(1000)
  progress(3)
  clock.advance(99)
  assert.equal(init('a').signal.aborted, false)
  progress(3)
  clock.advance(1)
  assert.equal(init('a').signal.aborted, true)
  await settled()
  assert.deepEqual([queue.get(task.id).state, queue.get(task.id).code], ['waiting', 'TASK_STALLED'])
})

test('a run that takes too long in all fails', async () => {
  const clock = createManualClock()
  const { run } = scriptRun()
  const queue = await queueOf(run, { deadlineMs: 50 }, memoryTaskStore(), clock)
  const { done } = await queue.submit(image('a'))
  clock.advance(50)
  assert.equal((await done).code, 'TASK_DEADLINE')
})

test('a run that ignores its signal is given up after the grace, and its worker is free', async () => {
  const clock = createManualClock()
  const { run, started, end } = scriptRun({ stubborn: true })
  const queue = await queueOf(run, { workers: 1, graceMs: 5 }, memoryTaskStore(), clock)
  const { task, done } = await queue.submit(image('a'))
  await queue.submit(image('b'))
  const cancelled = queue.cancel(task.id)
  await settled()
  assert.deepEqual(started, ['a'])
  clock.advance(5)
  assert.equal((await cancelled).state, 'cancelled')
  await done
  await settled()
  assert.deepEqual(started, ['a', 'b'])
  end('a')
  await settled()
  assert.equal(queue.get(task.id).state, 'cancelled')
})

test('cancel ends what waits at once and stops what runs; retry and delete are for what has ended', async () => {
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run, { workers: 1 })
  const running = await queue.submit(image('a'))
  const waiting = await queue.submit(image('b'))
  assert.equal((await queue.cancel(waiting.task.id)).state, 'cancelled')
  await assert.rejects(queue.delete(running.task.id), (e) => isAccelError(e, 'TASK_STATE'))
  await assert.rejects(queue.retry(running.task.id), (e) => isAccelError(e, 'TASK_STATE'))
  const cancelled = await queue.cancel(running.task.id)
  assert.deepEqual([cancelled.state, cancelled.code], ['cancelled', 'TASK_CANCELLED'])
  await assert.rejects(queue.cancel(running.task.id), (e) => isAccelError(e, 'TASK_STATE'))
  const again = await queue.retry(running.task.id)
  assert.deepEqual([again.id, again.state, again.code], [running.task.id, 'waiting', undefined])
  await settled()
  assert.deepEqual(started, ['a', 'a'])
  end('a')
  await settled()
  await queue.delete(running.task.id)
  for (const call of [() => queue.get(running.task.id), () => queue.events(running.task.id)]) {
    assert.throws(call, (e) => isAccelError(e, 'TASK_NOT_FOUND'))
  }
  await assert.rejects(queue.cancel('none'), (e) => isAccelError(e, 'TASK_NOT_FOUND'))
})

test('a task that is tried again twice at once runs once, and not before it is stored', async () => {
  const { run, started, fail } = scriptRun()
  const queue = await queueOf(run)
  const { task, done } = await queue.submit(image('a'))
  fail('a', new Error('no'))
  await done
  const both = [queue.retry(task.id), queue.retry(task.id)]
  assert.deepEqual(started, ['a'])
  await Promise.all(both)
  await settled()
  assert.deepEqual(started, ['a', 'a'])
})

test('a task that waits for its next attempt makes it at once when asked', async () => {
  const { run, started, fail } = scriptRun()
  const queue = await queueOf(run)
  const { task } = await queue.submit(image('a'))
  fail('a', passing())
  await settled()
  await queue.retry(task.id)
  assert.deepEqual(started, ['a', 'a'])
})

test('tasks are listed newest first, in pages, by state, registry, text and time', async () => {
  const clock = createManualClock(1000)
  const { run } = scriptRun()
  const queue = await queueOf(run, { workers: 1 }, memoryTaskStore(), clock)
  for (const name of ['app/a', 'app/b', 'lib/c']) {
    await queue.submit({ ...image(name), host: name.slice(0, 3) })
    clock.advance(1)
  }
  const names = (filter: Parameters<TaskQueue['list']>[0]): string[] =>
    queue.list(filter).tasks.map(({ source }) => source)
  assert.deepEqual(names({}), ['lib/c', 'app/b', 'app/a'])
  assert.deepEqual(names({ states: ['running'] }), ['app/a'])
  assert.deepEqual(names({ hosts: ['app'] }), ['app/b', 'app/a'])
  assert.deepEqual(names({ text: '/b' }), ['app/b'])
  assert.deepEqual(names({ since: 1001 }), ['lib/c', 'app/b'])
  const { tasks, next } = queue.list({ limit: 2 })
  assert.deepEqual([tasks.length, queue.list({ limit: 3 }).next], [2, undefined])
  assert.deepEqual(names({ limit: 2, cursor: next! }), ['app/a'])
})

test('ended tasks are forgotten after their time and above their number, open ones never', async () => {
  const clock = createManualClock(1000)
  const { run, end } = scriptRun()
  const store = memoryTaskStore()
  const queue = await queueOf(run, { workers: 10, keepMs: 500, keepFinished: 2 }, store, clock)
  const names = (): string[] => queue.list().tasks.map((task) => task.source)
  const { task: open } = await queue.submit(image('open'))
  for (const name of ['a', 'b', 'c']) {
    const { done } = await queue.submit(image(name))
    end(name)
    await done
  }
  await settled()
  assert.deepEqual(names(), ['c', 'b', 'open'])
  clock.advance(600)
  assert.deepEqual(names(), ['open'])
  await settled()
  assert.equal(queue.get(open.id).state, 'running')
  assert.deepEqual(
    store.list({}).tasks.map((task) => task.source),
    ['open'],
  )
})

test('a full queue refuses all orders of a request, and keeps what it has', async () => {
  const { run } = scriptRun()
  const queue = await queueOf(run, { workers: 1, maxWaiting: 1 })
  await queue.submit(image('a'))
  const full = (error: unknown): boolean => isAccelError(error, 'TASK_QUEUE_FULL')
  await assert.rejects(queue.submitAll([image('b'), image('c')]), full)
  await queue.submit(image('b'))
  await assert.rejects(queue.submit(image('c')), full)
  assert.equal((await queue.submit(image('b'))).joined, true)
  assert.equal(queue.list().tasks.length, 2)
})

test('an order that cannot be stored is refused and not run, and so is one that joined it', async () => {
  const { run, started } = scriptRun()
  const store = memoryTaskStore()
  let full = true
  const broken: TaskStore = {
    ...store,
    write: (changes) =>
      full ? Promise.reject(new AccelError('STORE_FULL', { path: '/work' })) : store.write(changes),
  }
  const queue = await queueOf(run, {}, broken)
  const refused = (error: unknown): boolean =>
    isAccelError(error, 'TASK_NOT_STORED') && error.message.includes('no space left')
  const [first, second] = [queue.submit(image('a')), queue.submit(image('a'))]
  await assert.rejects(first, refused)
  await assert.rejects(second, refused)
  assert.deepEqual([queue.list().tasks, started], [[], []])
  assert.ok(isAccelError(queue.problem, 'STORE_FULL'))
  full = false
  await queue.submit(image('a'))
  assert.deepEqual([started, queue.problem], [['a'], undefined])
})

test('what happens while nothing can be stored happens all the same, and is stored as soon as it can be', async () => {
  const clock = createManualClock()
  const { run, end } = scriptRun()
  const store = memoryTaskStore()
  let full = false
  const broken: TaskStore = {
    ...store,
    write: (changes) => (full ? Promise.reject(new Error('disk full')) : store.write(changes)),
  }
  const queue = await queueOf(run, {}, broken, clock)
  const { task, done } = await queue.submit(image('a'))
  await settled()
  full = true
  end('a')
  assert.equal((await done).state, 'completed')
  assert.deepEqual([queue.get(task.id).state, store.get(task.id)?.state], ['completed', 'running'])
  full = false
  clock.advance(60_000)
  await settled()
  assert.equal(store.get(task.id)?.state, 'completed')
  assert.deepEqual(
    queue.events(task.id).map(({ type }) => type),
    ['queued', 'started', 'completed'],
  )
})

test('stopping leaves what waits and runs for the next start, tells who waits, and refuses what comes', async () => {
  const store = memoryTaskStore()
  const first = scriptRun()
  const queue = await queueOf(first.run, { workers: 1 }, store)
  const submitted = await queue.submitAll([image('a'), image('b')])
  await queue.stop({ deadlineMs: 60_000 })
  assert.equal(first.init('a').signal.aborted, true)
  for (const one of submitted) {
    const task = await one.done
    assert.deepEqual([task.state, task.code], ['waiting', 'TASK_INTERRUPTED'])
  }
  await assert.rejects(queue.submit(image('c')), (e) => isAccelError(e, 'TASK_QUEUE_STOPPED'))
  const second = scriptRun()
  const next = await queueOf(second.run, { workers: 2 }, store)
  assert.deepEqual(second.started, ['a', 'b'])
  const task = next.get(submitted[0]!.task.id)
  assert.deepEqual([task.attempts, task.interruptions], [1, 0])
  assert.deepEqual(told(next, task.id), [
    'queued',
    'started attempt 1',
    'interrupted the service stopped',
    'started attempt 1',
  ])
  assert.deepEqual(told(next, submitted[1]!.task.id), ['queued', 'started attempt 1'])
})

test('what runs may come to its end while the queue stops', async () => {
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run, { workers: 1 })
  const [running] = await queue.submitAll([image('a'), image('b')])
  const stopped = queue.stop({ deadlineMs: 1, drainMs: 60_000 })
  end('a')
  await stopped
  assert.equal((await running!.done).state, 'completed')
  assert.deepEqual(started, ['a'])
})

test('a new process takes up what a killed one left, in order, and counts how often', async () => {
  const store = memoryTaskStore()
  const clock = createManualClock()
  const killed = await queueOf(scriptRun().run, { workers: 1 }, store, clock)
  const [running] = await killed.submitAll([image('a'), image('b')])
  await settled()
  const { run, started, end } = scriptRun()
  const queue = await queueOf(run, { workers: 1 }, store, clock)
  assert.deepEqual(started, ['a'])
  const task = queue.get(running!.task.id)
  assert.deepEqual([task.attempts, task.interruptions], [1, 1])
  assert.deepEqual(told(queue, task.id), [
    'queued',
    'started attempt 1',
    'interrupted the service died',
    'started attempt 1',
  ])
  end('a')
  await settled()
  assert.deepEqual(started, ['a', 'b'])
})

test('a task that was running each time the service died has to wait for others, and fails in the end', async () => {
  const store = memoryTaskStore()
  const clock = createManualClock()
  await (await queueOf(scriptRun().run, {}, store, clock)).submit(image('poison'))
  await settled()
  const init = { interruptions: 5, pauseMs: 1000 }
  for (const pause of [0, 0, 0, 500, 1000]) {
    const { run, started } = scriptRun()
    await queueOf(run, init, store, clock)
    if (pause > 0) assert.deepEqual(started, [])
    clock.advance(pause)
    assert.deepEqual(started, ['poison'])
    await settled()
  }
  const last = await queueOf(scriptRun().run, init, store, clock)
  assert.deepEqual(
    last.list().tasks.map(({ code }) => code),
    ['TASK_INTERRUPTED_TOO_OFTEN'],
  )
})

test('a process that dies in that pause leaves the rest of it to the next, and does not count', async () => {
  const store = memoryTaskStore()
  await (await queueOf(scriptRun().run, {}, store)).submit(image('poison'))
  await settled()
  for (let died = 0; died < 3; died++) {
    await queueOf(scriptRun().run, {}, store)
    await settled()
  }
  const init = { pauseMs: 1000 }
  await queueOf(scriptRun().run, init, store)
  const clock = createManualClock()
  const { run, started } = scriptRun()
  const queue = await queueOf(run, init, store, clock)
  clock.advance(499)
  assert.deepEqual(started, [])
  clock.advance(1)
  assert.deepEqual(started, ['poison'])
  assert.equal(queue.list().tasks[0]?.interruptions, 4)
})

test('listeners hear everything once; one that throws harms nobody', async () => {
  const events: string[] = []
  const lines: string[] = []
  const log = createLog({ write: (line) => lines.push(line) })
  const progress = { phase: 'convert', layers: 1, layersDone: 0, sourceBytes: 2, readBytes: 1, writtenBytes: 0, pushedBytes: 0 } as const // prettier-ignore
  const run: RunTask = async (task, init) => {
    init.progress(progress)
    if (task.source === 'b') throw new Error('no')
    return outcome
  }
  const queue = await TaskQueue.open({ store: memoryTaskStore(), log, run }, { workers: 1 })
  const hear = (event: TaskEvent): void => {
    const detail =
      event.type === 'progress'
        ? event.progress.phase
        : event.type === 'finished'
          ? event.task.state
          : ''
    events.push(`${event.task.source} ${event.type} ${detail}`.trim())
  }
  queue.subscribe(() => {
    throw new Error('listener')
  })
  const leave = queue.subscribe(hear)
  for (const name of ['a', 'b']) await (await queue.submit(image(name))).done
  leave()
  await (
    await queue.submit(image('c'))
  ).done
  assert.deepEqual(events, [
    'a queued',
    'a started',
    'a progress convert',
    'a finished completed',
    'b queued',
    'b started',
    'b progress convert',
    'b finished failed',
  ])
  assert.match(lines.join(''), /a listener of the task queue failed/)
})

test('of the warnings of an attempt the first hundred are kept', async () => {
  const queue = await queueOf(async (_, { warn }) => {
    for (let i = 1; i <= 500; i++) warn(`path ${i} is odd`)
    return outcome
  })
  const { task, done } = await queue.submit(image('a'))
  await done
  const warnings = queue.events(task.id).filter(({ type }) => type === 'warning')
  assert.deepEqual(
    [warnings.length, warnings[0]?.message, warnings[99]?.message],
    [100, 'path 1 is odd', 'further warnings are in the log only'],
  )
})

test('who cleans up behind a task is told before its end is announced', async () => {
  const told: string[] = []
  const queue = await queueOf(() => Promise.resolve(outcome), {
    onEnded: async (task) => void told.push(`${task.source} ${task.state}`),
  })
  await (
    await queue.submit(image('a'))
  ).done
  assert.deepEqual(told, ['a completed'])
})

test('a reason is shown without what must stay hidden', async () => {
  const queue = await queueOf(() => Promise.reject(new Error('login with s3cret failed')), {
    redact: (text) => text.replaceAll('s3cret', '***'),
  })
  const { done } = await queue.submit(image('a'))
  assert.match((await done).reason ?? '', /login with \*\*\* failed/)
})

test('what lies behind a failure is told, without what is said already and without secrets', async () => {
  const root = new Error('s3cret is not known')
  const middle = new Error('the login failed', { cause: root })
  const cause = new Error('latest', { cause: middle })
  const error = new AccelError('CONTENT_NOT_FOUND', { what: 'latest', where: 'app' }, { cause })
  const queue = await queueOf(() => Promise.reject(error), {
    redact: (text) => text.replaceAll('s3cret', '***'),
  })
  const { done } = await queue.submit(image('a'))
  assert.deepEqual((await done).causes, ['the login failed', '*** is not known'])
})
