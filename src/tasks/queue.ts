import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import { attempt, type Ending } from './attempt.ts'
import { canPass, pauseBehind, pauseOfInterrupted } from './attempts.ts'
import { systemClock, type TaskClock } from './clock.ts'
import { TaskJournal } from './journal.ts'
import { OpenTasks, type OpenTask } from './open-tasks.ts'
import {
  queueDefaults,
  type QueueLimits,
  type RunTask,
  type Submitted,
  type TaskQueueComponents,
  type TaskQueueInit,
} from './queue-init.ts'
import {
  begun,
  ended,
  failureOf,
  followUp,
  interrupted,
  newTask,
  supersededBy,
  takenUp,
  triedAgain,
} from './task-change.ts'
import {
  isFinished,
  type Task,
  type TaskEvent,
  type TaskOrder,
  type TaskOutcome,
  type TaskProgress,
  type TaskRecord,
} from './task.ts'
import type { TaskFilter, TaskPage, TaskStore } from './task-store.ts'

export type { QueueLimits, RunTask, RunTaskInit, Submitted, TaskQueueInit } from './queue-init.ts'

/**
 * Tasks in the order in which they came, at most `workers` at once, never two of one lane. What was taken is stored
 * first, so that no task is lost whatever ends the process.
 */
export class TaskQueue {
  readonly #store: TaskStore
  readonly #journal: TaskJournal
  readonly #log: Log
  readonly #run: RunTask
  readonly #clock: TaskClock
  readonly #init: Required<TaskQueueInit>
  readonly #listeners = new Set<(event: TaskEvent) => void>()
  readonly #open = new OpenTasks()
  #stopping = false

  private constructor(components: TaskQueueComponents, init: TaskQueueInit) {
    const { store, log, run, clock = systemClock } = components
    this.#store = store
    this.#log = log
    this.#run = run
    this.#clock = clock
    this.#journal = new TaskJournal(store, log, clock)
    this.#init = { ...queueDefaults, ...init }
  }

  /** A queue with the tasks of the store; those that had not ended wait again. Throws STORE_…. */
  static async open(components: TaskQueueComponents, init: TaskQueueInit): Promise<TaskQueue> {
    const queue = new TaskQueue(components, init)
    await Promise.all(queue.#store.unfinished().map((task) => queue.#takeUp(task)))
    queue.#start()
    return queue
  }

  /** Why the store could not be written to the last time, or undefined. */
  get problem(): unknown {
    return this.#journal.problem
  }

  /** As `submitAll`, for one order. */
  async submit(order: TaskOrder): Promise<Submitted> {
    const [submitted] = await this.submitAll([order])
    return submitted!
  }

  /**
   * Takes orders, all or none; they are stored when it resolves. One that asks for what an open task already does is
   * joined to it: the same lane and recipe and the same known digest; without a digest only while the task still
   * waits, since nobody can tell what a tag names by now from what a running task has seen of it. One with another
   * digest takes the place of older ones of its lane, whether they wait or run; one that was pushed before what is
   * known is superseded at once. Throws TASK_QUEUE_FULL, TASK_QUEUE_STOPPED, TASK_NOT_STORED.
   */
  async submitAll(orders: readonly TaskOrder[]): Promise<Submitted[]> {
    const [first] = orders
    if (first === undefined) return []
    if (this.#stopping) throw new AccelError('TASK_QUEUE_STOPPED', { source: first.source })
    const { waiting } = this.counts()
    const fresh: OpenTask[] = []
    const stored = Promise.withResolvers<void>()
    const taken = orders.map((order) => {
      const same = this.#open.same(order)
      if (same !== undefined) return { open: same, joined: true }
      if (waiting + fresh.length >= this.#init.maxWaiting) {
        for (const open of fresh) this.#open.remove(open)
        throw new AccelError('TASK_QUEUE_FULL', { waiting })
      }
      // in line before the store has answered, so that the same order again finds it
      const open = this.#open.add(newTask(order, this.#clock.now()), stored.promise)
      fresh.push(open)
      return { open, joined: false }
    })
    await this.#accept(fresh, stored)
    await Promise.all(taken.map(({ open }) => open.stored))
    return taken.map(({ open, joined }) => ({ task: open.task, joined, done: open.done.promise }))
  }

  /** A task as it stands. Throws TASK_NOT_FOUND. */
  get(id: string): Task {
    const task = this.#current(id) ?? this.#store.get(id)
    if (task === undefined) throw new AccelError('TASK_NOT_FOUND', { id })
    return task
  }

  /** Tasks, the newest first. */
  list(filter: TaskFilter = {}): TaskPage {
    this.#evict().catch((error: unknown) =>
      this.#log.error('ended tasks cannot be forgotten', { error }),
    )
    const oldest = this.#clock.now() - this.#init.keepMs
    const page = this.#store.list(filter)
    const tasks = page.tasks
      .map((task) => this.#current(task.id) ?? task)
      .filter((task) => task.finished === undefined || task.finished >= oldest)
      .filter((task) => filter.states?.includes(task.state) ?? true)
    return { ...page, tasks }
  }

  /** What happened to a task so far, the oldest first. Throws TASK_NOT_FOUND. */
  events(id: string): TaskRecord[] {
    this.get(id)
    return [...this.#store.records(id), ...this.#journal.unwritten(id).records]
  }

  /** How many tasks wait and run. */
  counts(): { waiting: number; running: number } {
    return { waiting: this.#open.waiting.size, running: this.#open.running.size }
  }

  /** Ends a task that waits, or stops one that runs; resolves when it has ended. Throws TASK_NOT_FOUND, TASK_STATE. */
  async cancel(id: string): Promise<Task> {
    const open = this.#open.get(id)
    if (open === undefined) {
      const { state } = this.get(id)
      throw new AccelError('TASK_STATE', {
        id,
        state,
        wanted: 'only a task that waits or runs can be cancelled',
      })
    }
    await open.stored
    await this.#end(open, new AccelError('TASK_CANCELLED', { source: open.task.source }))
    return open.done.promise
  }

  /**
   * Tries a task that failed, was cancelled or superseded once more, with all its attempts; one that waits for its
   * next attempt makes it now. Throws TASK_NOT_FOUND, TASK_STATE, TASK_QUEUE_STOPPED, TASK_NOT_STORED.
   */
  async retry(id: string): Promise<Task> {
    const open = this.#open.get(id)
    if (open?.task.state === 'waiting') {
      this.#ready(open)
      return open.task
    }
    const task = this.get(id)
    const { state, source } = task
    if (state === 'running' || state === 'completed') {
      throw new AccelError('TASK_STATE', { id, state, wanted: 'there is nothing to try again' })
    }
    if (this.#stopping) throw new AccelError('TASK_QUEUE_STOPPED', { source })
    const stored = Promise.withResolvers<void>()
    const again = triedAgain(task)
    await this.#accept([this.#open.add(again, stored.promise)], stored)
    return again
  }

  /** Forgets a task that has ended, and what happened to it. Throws TASK_NOT_FOUND, TASK_STATE, STORE_…. */
  async delete(id: string): Promise<void> {
    const { state } = this.get(id)
    if (!isFinished({ state })) {
      throw new AccelError('TASK_STATE', {
        id,
        state,
        wanted: 'only a task that has ended can be deleted',
      })
    }
    await this.#journal.forget([id])
  }

  /** Holds to other limits from now on; attempts that run go on by those that they began with. */
  limit(limits: QueueLimits): void {
    Object.assign(this.#init, limits)
    this.#start()
  }

  /** Calls `listener` for everything that happens from now on, until the returned function is called. */
  subscribe(listener: (event: TaskEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Takes and begins nothing new, lets what runs go on for `drainMs` (default: not at all), then stops it and waits
   * at most `deadlineMs`. What has not ended goes on when a queue is opened with the same store.
   */
  async stop(init: { deadlineMs: number; drainMs?: number }): Promise<void> {
    this.#stopping = true
    const running = (): Promise<void>[] => [...this.#open.running].map(({ ended }) => ended.promise)
    for (const open of this.#open.waiting) this.#interrupt(open)
    await this.#within(running(), init.drainMs ?? 0)
    for (const open of this.#open.running) {
      open.abort.abort(new AccelError('TASK_INTERRUPTED', { source: open.task.source }))
    }
    await this.#within(running(), init.deadlineMs)
    for (const open of this.#open.running) this.#interrupt(open)
    await this.#journal.close()
  }

  async #accept(fresh: readonly OpenTask[], stored: PromiseWithResolvers<void>): Promise<void> {
    try {
      await this.#journal.accept(fresh.map(({ task }) => task))
      stored.resolve()
    } catch (error) {
      for (const open of fresh) this.#open.remove(open)
      // those that joined meanwhile wait for it as well
      stored.promise.catch(() => {})
      stored.reject(error)
      throw error
    }
    for (const open of fresh) {
      this.#emit({ type: 'queued', task: open.task })
      for (const [older, newer] of this.#open.superseded(open)) {
        await this.#end(older, supersededBy(older.task, newer.task))
      }
      this.#enqueue(open, this.#clock.elapsed())
    }
    this.#start()
  }

  /** Puts a task that a process before this one left into line. */
  async #takeUp(left: Task): Promise<void> {
    const open = this.#open.add(takenUp(left), Promise.resolve())
    const { interruptions, pauseMs, maxPauseMs } = this.#init
    let pause = Math.max(0, (left.notBefore ?? 0) - this.#clock.now())
    if (left.state === 'running') {
      const { source, interruptions: times } = open.task
      if (times > interruptions) {
        return this.#end(open, new AccelError('TASK_INTERRUPTED_TOO_OFTEN', { source, times }))
      }
      pause = pauseOfInterrupted(times, { pauseMs, maxPauseMs }, this.#clock.random())
    }
    // the clock may have been set since
    this.#delay(open, Math.min(pause, maxPauseMs))
  }

  #enqueue(open: OpenTask, since: number): void {
    if (!this.#open.has(open)) return
    open.since = since
    open.ready = true
  }

  /** Lets a waiting task begin in `ms` and not before. */
  #delay(open: OpenTask, ms: number): void {
    open.since ??= this.#clock.elapsed()
    open.cancelTimer()
    if (ms === 0) {
      open.ready = true
      return
    }
    open.ready = false
    open.cancelTimer = this.#clock.after(ms, () => this.#ready(open))
  }

  #ready(open: OpenTask): void {
    open.cancelTimer()
    open.ready = true
    this.#start()
  }

  /** Starts waiting tasks while there are free workers and lanes. */
  #start(): void {
    while (!this.#stopping && this.#open.running.size < this.#init.workers) {
      const next = this.#open.next(this.#init.workersOf)
      if (next === undefined) return
      this.#open.begin(next)
      void this.#work(next)
    }
  }

  async #work(open: OpenTask): Promise<void> {
    const now = this.#clock.now()
    const start = this.#clock.elapsed()
    const task = begun(open.task, now, start - (open.since ?? start))
    this.#change(open, task, { time: now, type: 'started', message: `attempt ${task.attempts}` })
    this.#emit({ type: 'started', task: open.task })
    const ending = await attempt(open, this.#run, {
      clock: this.#clock,
      ...this.#init,
      progress: (progress) => this.#progress(open, progress),
      warn: (message) => this.#note(open, { type: 'warning', message }),
      abandoned: () => this.#log.error('a conversion does not stop', { task: open.task.id }),
    })
    const timings = { ...open.task.timings, runMs: this.#clock.elapsed() - start }
    open.task = { ...open.task, timings }
    await this.#settle(open, ending)
    open.ended.resolve()
    this.#start()
  }

  #progress(open: OpenTask, progress: TaskProgress): void {
    // a run that goes on after its task was left for the next start says nothing to anybody
    if (!this.#open.has(open)) return
    const { phase } = open.task.progress ?? {}
    open.task = { ...open.task, progress }
    if (phase !== progress.phase) this.#note(open, { type: 'phase', message: progress.phase })
    this.#emit({ type: 'progress', task: open.task, progress })
  }

  #note(open: OpenTask, { type, message }: { type: 'warning' | 'phase'; message: string }): void {
    if (!this.#open.has(open)) return
    const record = { time: this.#clock.now(), type, message: this.#init.redact(message) }
    void this.#journal.keep(open.task, record)
  }

  /** What becomes of a task whose attempt has ended. */
  async #settle(open: OpenTask, ending: Ending): Promise<void> {
    if (!this.#open.has(open)) return
    if ('outcome' in ending) return this.#complete(open, ending.outcome)
    const { error } = ending
    if (isAccelError(error, 'TASK_INTERRUPTED')) {
      open.task = { ...open.task, attempts: open.task.attempts - 1 }
      return this.#interrupt(open)
    }
    const { attempts, pauseMs, maxPauseMs } = this.#init
    if (!canPass(error) || open.task.attempts >= attempts) return this.#finish(open, error)
    const pause = pauseBehind(open.task.attempts, { pauseMs, maxPauseMs }, this.#clock.random())
    const now = this.#clock.now()
    const failure = failureOf(open.task, error, this.#init.redact)
    this.#open.waitAgain(open)
    this.#change(
      open,
      { ...open.task, ...failure, state: 'waiting', notBefore: now + pause },
      { time: now, type: 'retrying', message: failure.reason, code: failure.code },
    )
    this.#emit({ type: 'retrying', task: open.task, error, inMs: pause })
    open.since = this.#clock.elapsed()
    this.#delay(open, pause)
  }

  async #complete(open: OpenTask, outcome: TaskOutcome): Promise<void> {
    const { movedTo, target } = outcome
    const { timings } = open.task
    open.task = { ...open.task, outcome, timings: { ...timings, ...outcome.timings } }
    if (movedTo === undefined) return this.#finish(open, undefined)
    await this.#follow(followUp(open.task, movedTo, this.#clock.now()))
    if (target !== undefined) return this.#finish(open, undefined)
    return this.#finish(open, supersededBy(open.task, { digest: movedTo }))
  }

  /** Queues what a tag was found to name, unless an order for it has come by itself. */
  async #follow(task: Task): Promise<void> {
    if (this.#open.same(task) !== undefined) return
    const open = this.#open.add(task, Promise.resolve())
    this.#emit({ type: 'queued', task })
    await this.#journal.keep(task, { time: task.created, type: 'queued' })
    this.#enqueue(open, this.#clock.elapsed())
  }

  /** Ends a task that waits; tells one that runs to stop. */
  async #end(open: OpenTask, error: AccelError): Promise<void> {
    if (open.task.state === 'running') open.abort.abort(error)
    else await this.#finish(open, error)
  }

  async #finish(open: OpenTask, error: unknown): Promise<void> {
    if (!this.#open.has(open)) return
    const now = this.#clock.now()
    open.task = ended(open.task, error, now, this.#init.redact)
    this.#open.remove(open)
    await this.#journal.keep(open.task, recordOfEnd(open.task, now))
    try {
      await this.#init.onEnded(open.task)
      await this.#evict()
    } catch (cause) {
      this.#log.error('what an ended task has left cannot be cleaned up', { error: cause })
    }
    this.#emit({ type: 'finished', task: open.task, ...(error === undefined ? {} : { error }) })
    open.done.resolve(open.task)
  }

  /** Leaves a task for the next start, and tells who waits for it. */
  #interrupt(open: OpenTask): void {
    const { state, source } = open.task
    const waiting = interrupted(open.task)
    this.#open.remove(open)
    if (state === 'running') void this.#journal.keep(waiting)
    const error = new AccelError('TASK_INTERRUPTED', { source })
    open.done.resolve({ ...waiting, ...failureOf(waiting, error, this.#init.redact) })
  }

  #change(open: OpenTask, task: Task, record: TaskRecord): void {
    open.task = task
    void this.#journal.keep(task, record)
  }

  /** What the store does not know yet of a task. */
  #current(id: string): Task | undefined {
    return this.#open.get(id)?.task ?? this.#journal.unwritten(id).task
  }

  /** Forgets tasks that ended too long ago, and the oldest where there are too many. */
  async #evict(): Promise<void> {
    const { keepMs: age, keepFinished: keep } = this.#init
    await this.#journal.forget(this.#store.expired({ before: this.#clock.now() - age, keep }))
  }

  /** Waits for `promises`, at most `ms`. */
  async #within(promises: readonly Promise<void>[], ms: number): Promise<void> {
    if (promises.length === 0 || ms === 0) return
    const late = Promise.withResolvers<void>()
    const cancel = this.#clock.after(ms, late.resolve)
    await Promise.race([Promise.all(promises), late.promise])
    cancel()
  }

  #emit(event: TaskEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#log.error('a listener of the task queue failed', { event: event.type, error })
      }
    }
  }
}

function recordOfEnd({ state, reason, code }: Task, time: number): TaskRecord {
  return {
    time,
    type: state as TaskRecord['type'],
    ...(reason === undefined ? {} : { message: reason }),
    ...(code === undefined ? {} : { code }),
  }
}
