import { AccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import { systemClock, type TaskClock } from './clock.ts'
import { TaskJournal } from './journal.ts'
import { OpenTasks, type OpenTask } from './open-tasks.ts'
import {
  queueDefaults,
  type QueueLimits,
  type Submitted,
  type TaskQueueComponents,
  type TaskQueueInit,
} from './queue-init.ts'
import { TaskRunner } from './runner.ts'
import { newTask, triedAgain } from './task-change.ts'
import { isFinished, type Task, type TaskEvent, type TaskOrder, type TaskRecord } from './task.ts'
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
  readonly #runner: TaskRunner
  readonly #clock: TaskClock
  readonly #init: Required<TaskQueueInit>
  readonly #listeners = new Set<(event: TaskEvent) => void>()
  readonly #open = new OpenTasks()

  private constructor(components: TaskQueueComponents, init: TaskQueueInit) {
    const { store, log, run, clock = systemClock } = components
    this.#store = store
    this.#log = log
    this.#clock = clock
    this.#journal = new TaskJournal(store, log, clock)
    this.#init = { ...queueDefaults, ...init }
    this.#runner = new TaskRunner({
      open: this.#open,
      journal: this.#journal,
      log,
      run,
      clock,
      init: this.#init,
      emit: (event) => this.#emit(event),
    })
  }

  /** A queue with the tasks of the store; those that had not ended wait again. Throws STORE_…. */
  static async open(components: TaskQueueComponents, init: TaskQueueInit): Promise<TaskQueue> {
    const queue = new TaskQueue(components, init)
    await Promise.all(queue.#store.unfinished().map((task) => queue.#runner.takeUp(task)))
    queue.#runner.start()
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
    if (this.#runner.stopping) throw new AccelError('TASK_QUEUE_STOPPED', { source: first.source })
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
    await this.#runner.accept(fresh, stored)
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
    this.#evict()
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
    await this.#runner.end(open, new AccelError('TASK_CANCELLED', { source: open.task.source }))
    return open.done.promise
  }

  /**
   * Tries a task that failed, was cancelled or superseded once more, with all its attempts; one that waits for its
   * next attempt makes it now. Throws TASK_NOT_FOUND, TASK_STATE, TASK_QUEUE_STOPPED, TASK_NOT_STORED.
   */
  async retry(id: string): Promise<Task> {
    const open = this.#open.get(id)
    if (open?.task.state === 'waiting') {
      await open.stored
      this.#runner.ready(open)
      return open.task
    }
    const task = this.get(id)
    const { state, source } = task
    if (state === 'running' || state === 'completed') {
      throw new AccelError('TASK_STATE', { id, state, wanted: 'there is nothing to try again' })
    }
    if (this.#runner.stopping) throw new AccelError('TASK_QUEUE_STOPPED', { source })
    const stored = Promise.withResolvers<void>()
    const again = triedAgain(task)
    await this.#runner.accept([this.#open.add(again, stored.promise)], stored)
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
    this.#runner.start()
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
    await this.#runner.stop(init)
    await this.#journal.close()
  }

  /** What the store does not know yet of a task. */
  #current(id: string): Task | undefined {
    return this.#open.get(id)?.task ?? this.#journal.unwritten(id).task
  }

  /** Forgets tasks that ended too long ago, and the oldest where there are too many. */
  #evict(): void {
    const { keepMs: age, keepFinished: keep } = this.#init
    const forget = async (): Promise<void> =>
      this.#journal.forget(this.#store.expired({ before: this.#clock.now() - age, keep }))
    forget().catch((error: unknown) =>
      this.#log.error('ended tasks cannot be forgotten', { error }),
    )
  }

  #emit(event: TaskEvent): void {
    if (event.type === 'finished') this.#evict()
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#log.error('a listener of the task queue failed', { event: event.type, error })
      }
    }
  }
}
