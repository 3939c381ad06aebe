import { randomUUID } from 'node:crypto'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import { isFinished, type Task, type TaskEvent, type TaskOrder, type TaskOutcome } from './task.ts'
import type { TaskStore } from './task-store.ts'

/** Does what a task asks for. Throws when it fails; stops promptly when `signal` is aborted. */
export type RunTask<P> = (
  task: Task,
  init: { signal: AbortSignal; progress(progress: P): void },
) => Promise<TaskOutcome>

export interface TaskQueueInit {
  /** Tasks that run at once. */
  workers: number
  /** Tasks that may wait; more are refused. @default 10,000 */
  maxWaiting?: number
  /** How long ended tasks are listed, in milliseconds. @default a day */
  keepMs?: number
  /** Ended tasks listed at most. @default 10,000 */
  keepFinished?: number
  /** Takes what must not be shown out of a reason. @default nothing is taken out */
  redact?: (text: string) => string
  /** The clock. @default the system's */
  now?: () => number
}

/** What became of an order. */
export interface Submitted {
  task: Task
  /** The order asks for what another one asked for already; `task` is that one's. */
  joined: boolean
  /** Resolves when the task has ended, however; never rejects. */
  done: Promise<Task>
}

/** A task that has not ended. */
interface OpenTask {
  task: Task
  abort: AbortController
  done: PromiseWithResolvers<Task>
  /** The store has it; before that it is in line but not started. */
  stored: boolean
}

/** Tasks in the order in which they came, at most `workers` at once, never two of one lane. */
export class TaskQueue<P = unknown> {
  readonly #store: TaskStore
  readonly #log: Log
  readonly #run: RunTask<P>
  readonly #init: Required<TaskQueueInit>
  readonly #listeners = new Set<(event: TaskEvent<P>) => void>()
  /** Every task that is listed, the oldest first. */
  readonly #tasks = new Map<string, Task>()
  #waiting: OpenTask[] = []
  readonly #running = new Set<OpenTask>()
  #stopping = false

  private constructor(
    components: { store: TaskStore; log: Log; run: RunTask<P> },
    init: TaskQueueInit,
  ) {
    this.#store = components.store
    this.#log = components.log
    this.#run = components.run
    this.#init = {
      maxWaiting: 10_000,
      keepMs: 24 * 60 * 60 * 1000,
      keepFinished: 10_000,
      redact: (text) => text,
      now: () => Date.now(),
      ...init,
    }
  }

  /** A queue with the tasks of the store; those that had not ended wait again. */
  static async open<P>(
    components: { store: TaskStore; log: Log; run: RunTask<P> },
    init: TaskQueueInit,
  ): Promise<TaskQueue<P>> {
    const queue = new TaskQueue(components, init)
    for (const task of await components.store.load()) {
      if (isFinished(task)) queue.#tasks.set(task.id, task)
      else await queue.#enqueue({ ...task, state: 'waiting' })
    }
    queue.#start()
    return queue
  }

  /**
   * Takes an order. One that asks for what a task already does is joined to it: the same lane and the same known
   * digest; without a digest only while the task still waits, since nobody can tell what a tag names by now from what
   * a running task has seen of it. Throws TASK_QUEUE_FULL, TASK_QUEUE_STOPPED.
   */
  async submit(order: TaskOrder): Promise<Submitted> {
    if (this.#stopping) throw new AccelError('TASK_QUEUE_STOPPED', { source: order.source })
    const same = this.#same(order)
    if (same !== undefined) return { task: same.task, joined: true, done: same.done.promise }
    const waiting = this.#waiting.length
    if (waiting >= this.#init.maxWaiting) throw new AccelError('TASK_QUEUE_FULL', { waiting })
    const task: Task = {
      ...order,
      id: randomUUID(),
      state: 'waiting',
      created: this.#init.now(),
    }
    const open = await this.#enqueue(task)
    this.#start()
    return { task: open.task, joined: false, done: open.done.promise }
  }

  /** The tasks that are known, the newest first. */
  list(): Task[] {
    this.#evict().catch((error: unknown) => this.#storeFailed(error))
    return [...this.#tasks.values()].toReversed()
  }

  /** How many tasks wait and run. */
  counts(): { waiting: number; running: number } {
    return { waiting: this.#waiting.length, running: this.#running.size }
  }

  /** Calls `listener` for everything that happens from now on, until the returned function is called. */
  subscribe(listener: (event: TaskEvent<P>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Takes nothing new, cancels what waits and runs, and waits until all has ended, at most `deadlineMs`; what runs on
   * after that counts as cancelled.
   */
  async stop(init: { deadlineMs: number }): Promise<void> {
    this.#stopping = true
    const open = [...this.#waiting, ...this.#running]
    const waiting = this.#waiting
    this.#waiting = []
    for (const { abort, task } of open) abort.abort(cancelled(task, 'the service is stopping'))
    await Promise.all(waiting.map((one) => this.#finish(one, { error: one.abort.signal.reason })))
    const late = await endedWithin(
      [...this.#running].map((one) => one.done.promise),
      init.deadlineMs,
    )
    if (late) {
      await Promise.all(
        [...this.#running].map((one) => this.#finish(one, { error: one.abort.signal.reason })),
      )
    }
  }

  #same(order: TaskOrder): OpenTask | undefined {
    const candidates =
      order.digest === undefined ? this.#waiting : [...this.#waiting, ...this.#running]
    return candidates.find(({ task }) => task.lane === order.lane && task.digest === order.digest)
  }

  async #enqueue(task: Task): Promise<OpenTask> {
    const done = Promise.withResolvers<Task>()
    const open: OpenTask = { task, abort: new AbortController(), done, stored: false }
    // in line before the store has answered, so that the same order again finds it
    this.#waiting.push(open)
    this.#tasks.set(task.id, task)
    try {
      await this.#store.put(task)
    } catch (error) {
      this.#waiting = this.#waiting.filter((one) => one !== open)
      this.#tasks.delete(task.id)
      // who joined it meanwhile is waiting for an answer
      done.resolve({ ...task, state: 'failed', ...this.#failure(task, error) })
      throw error
    }
    open.stored = true
    if (!isFinished(open.task)) this.#emit({ type: 'queued', task })
    return open
  }

  /** Starts waiting tasks while there are free workers and lanes. */
  #start(): void {
    const busy = new Set([...this.#running].map(({ task }) => task.lane))
    while (!this.#stopping && this.#running.size < this.#init.workers) {
      const next = this.#waiting.find(({ task, stored }) => stored && !busy.has(task.lane))
      if (next === undefined) return
      this.#waiting = this.#waiting.filter((one) => one !== next)
      this.#running.add(next)
      busy.add(next.task.lane)
      void this.#work(next)
    }
  }

  async #work(open: OpenTask): Promise<void> {
    const { signal } = open.abort
    let ending: { outcome: TaskOutcome } | { error: unknown }
    try {
      this.#change(open, { ...open.task, state: 'running', started: this.#init.now() })
      await this.#store.put(open.task)
      this.#emit({ type: 'started', task: open.task })
      const progress = (told: P): void =>
        this.#emit({ type: 'progress', task: open.task, progress: told })
      ending = { outcome: await this.#run(open.task, { signal, progress }) }
    } catch (error) {
      // what a run throws while it is being stopped says less than why it is stopped
      ending = { error: signal.aborted ? signal.reason : error }
    }
    await this.#finish(open, ending)
    this.#start()
  }

  async #finish(
    open: OpenTask,
    ending: { outcome: TaskOutcome } | { error: unknown },
  ): Promise<void> {
    if (isFinished(open.task)) return
    const finished = this.#init.now()
    this.#change(
      open,
      'outcome' in ending
        ? { ...open.task, state: 'completed', finished, outcome: ending.outcome }
        : { ...open.task, state: 'failed', finished, ...this.#failure(open.task, ending.error) },
    )
    this.#running.delete(open)
    try {
      await this.#store.put(open.task)
      await this.#evict()
    } catch (error) {
      this.#storeFailed(error)
    }
    this.#emit({ type: 'finished', task: open.task, ...('error' in ending ? ending : {}) })
    open.done.resolve(open.task)
  }

  #failure(task: Task, error: unknown): { reason: string; code: string } {
    const known = isAccelError(error) ? error : defect(task, error)
    return { reason: this.#init.redact(known.message), code: known.code }
  }

  #change(open: OpenTask, task: Task): void {
    open.task = task
    this.#tasks.set(task.id, task)
  }

  /** Forgets tasks that ended too long ago, and the oldest where there are too many. */
  #evict(): Promise<unknown> {
    const ended = [...this.#tasks.values()].filter(isFinished)
    const surplus = ended.length - this.#init.keepFinished
    const oldest = this.#init.now() - this.#init.keepMs
    const evicted = ended.filter((task, i) => i < surplus || (task.finished ?? 0) < oldest)
    for (const { id } of evicted) this.#tasks.delete(id)
    return Promise.all(evicted.map(({ id }) => this.#store.delete(id)))
  }

  /** What ended is listed all the same; only the next start will not know of it. */
  #storeFailed(error: unknown): void {
    this.#log.error('ended tasks could not be stored', { error })
  }

  #emit(event: TaskEvent<P>): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#log.error('a listener of the task queue failed', { event: event.type, error })
      }
    }
  }
}

function cancelled(task: Task, cause: string): AccelError {
  return new AccelError('TASK_CANCELLED', { source: task.source, cause })
}

function defect(task: Task, cause: unknown): AccelError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new AccelError('TASK_DEFECT', { source: task.source, message }, { cause })
}

/** Waits for `promises`, at most `deadlineMs`; tells whether the deadline came first. */
async function endedWithin(promises: Promise<unknown>[], deadlineMs: number): Promise<boolean> {
  const deadline = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => deadline.resolve(true), deadlineMs)
  const ended = Promise.all(promises).then(() => false)
  return Promise.race([ended, deadline.promise]).finally(() => clearTimeout(timer))
}
