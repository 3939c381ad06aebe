import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import { attempt, type Ending } from './attempt.ts'
import { canPass, pauseBehind, pauseOfInterrupted } from './attempts.ts'
import type { TaskClock } from './clock.ts'
import type { TaskJournal } from './journal.ts'
import type { OpenTask, OpenTasks } from './open-tasks.ts'
import type { RunTask, TaskQueueInit } from './queue-init.ts'
import {
  begun,
  ended,
  failureOf,
  followUp,
  interrupted,
  supersededBy,
  takenUp,
} from './task-change.ts'
import type { Task, TaskEvent, TaskOutcome, TaskProgress, TaskRecord } from './task.ts'

/** What a runner works with; `open` and `init` are those of its queue. */
export interface TaskRunnerParts {
  open: OpenTasks
  journal: TaskJournal
  log: Log
  run: RunTask
  clock: TaskClock
  init: Required<TaskQueueInit>
  /** Is told of everything that happens. */
  emit(event: TaskEvent): void
}

/** Moves tasks from state to state: begins what may begin, and decides what becomes of what has ended. */
export class TaskRunner {
  readonly #open: OpenTasks
  readonly #journal: TaskJournal
  readonly #log: Log
  readonly #run: RunTask
  readonly #clock: TaskClock
  readonly #init: Required<TaskQueueInit>
  readonly #emit: (event: TaskEvent) => void
  #stopping = false

  constructor({ open, journal, log, run, clock, init, emit }: TaskRunnerParts) {
    this.#open = open
    this.#journal = journal
    this.#log = log
    this.#run = run
    this.#clock = clock
    this.#init = init
    this.#emit = emit
  }

  get stopping(): boolean {
    return this.#stopping
  }

  /** Stores new tasks, which are in line already, and lets them begin. Throws TASK_NOT_STORED, and then they are gone. */
  async accept(fresh: readonly OpenTask[], stored: PromiseWithResolvers<void>): Promise<void> {
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
        await this.end(older, supersededBy(older.task, newer.task))
      }
      this.#enqueue(open, this.#clock.elapsed())
    }
    this.start()
  }

  /** Puts a task that a process before this one left into line. */
  async takeUp(left: Task): Promise<void> {
    const open = this.#open.add(takenUp(left), Promise.resolve())
    if (left.state === 'running') return this.#takeUpInterrupted(open)
    const pause = Math.max(0, (left.notBefore ?? 0) - this.#clock.now())
    // the clock may have been set since
    this.#delay(open, Math.min(pause, this.#init.maxPauseMs))
  }

  /** What was running when the process before this one died. */
  async #takeUpInterrupted(open: OpenTask): Promise<void> {
    const { interruptions, pauseMs, maxPauseMs } = this.#init
    const { source, interruptions: times } = open.task
    const now = this.#clock.now()
    const pause = pauseOfInterrupted(times, { pauseMs, maxPauseMs }, this.#clock.random())
    const task = pause === 0 ? open.task : { ...open.task, notBefore: now + pause }
    this.#change(open, task, { time: now, type: 'interrupted', message: 'the service died' })
    if (times > interruptions) {
      return this.end(open, new AccelError('TASK_INTERRUPTED_TOO_OFTEN', { source, times }))
    }
    this.#delay(open, pause)
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
    open.cancelTimer = this.#clock.after(ms, () => this.ready(open))
  }

  /** Lets a waiting task begin now. */
  ready(open: OpenTask): void {
    open.cancelTimer()
    open.ready = true
    this.start()
  }

  /** Starts waiting tasks while there are free workers and lanes. */
  start(): void {
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
    this.start()
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
  async end(open: OpenTask, error: AccelError): Promise<void> {
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
    if (state === 'running') {
      const message = 'the service stopped'
      void this.#journal.keep(waiting, { time: this.#clock.now(), type: 'interrupted', message })
    }
    const error = new AccelError('TASK_INTERRUPTED', { source })
    open.done.resolve({ ...waiting, ...failureOf(waiting, error, this.#init.redact) })
  }

  #change(open: OpenTask, task: Task, record: TaskRecord): void {
    open.task = task
    void this.#journal.keep(task, record)
  }

  /** As `TaskQueue.stop`, but for the journal. */
  async stop(init: { deadlineMs: number; drainMs?: number }): Promise<void> {
    this.#stopping = true
    const running = (): Promise<void>[] =>
      [...this.#open.running].map(({ ended: end }) => end.promise)
    for (const open of this.#open.waiting) this.#interrupt(open)
    await this.#within(running(), init.drainMs ?? 0)
    for (const open of this.#open.running) {
      open.abort.abort(new AccelError('TASK_INTERRUPTED', { source: open.task.source }))
    }
    await this.#within(running(), init.deadlineMs)
    for (const open of this.#open.running) this.#interrupt(open)
  }

  /** Waits for `promises`, at most `ms`. */
  async #within(promises: readonly Promise<void>[], ms: number): Promise<void> {
    if (promises.length === 0 || ms === 0) return
    const late = Promise.withResolvers<void>()
    const cancel = this.#clock.after(ms, late.resolve)
    await Promise.race([Promise.all(promises), late.promise])
    cancel()
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
