import type { Task, TaskOrder } from './task.ts'

/** A task that has not ended. */
export interface OpenTask {
  task: Task
  /** In the order in which they came. */
  readonly number: number
  abort: AbortController
  /** Resolves when it has ended for good, or the queue stops. */
  readonly done: PromiseWithResolvers<Task>
  /** Resolves when the attempt under way has ended. */
  ended: PromiseWithResolvers<void>
  /** Resolves when the store has it; rejects when the store has refused it. */
  readonly stored: Promise<void>
  /** It may begin: the store has it, and no pause is left. */
  ready: boolean
  /** Since when it waits, by the clock that is never set. */
  since: number | undefined
  /** Takes back what is to happen to it later. */
  cancelTimer(): void
}

/** The tasks that have not ended, found by id and by lane. */
export class OpenTasks {
  /** In the order in which they came; one that is tried again stays where it was. */
  readonly waiting = new Set<OpenTask>()
  readonly running = new Set<OpenTask>()
  readonly #byId = new Map<string, OpenTask>()
  readonly #byLane = new Map<string, Set<OpenTask>>()
  readonly #runningOf = new Map<string, number>()
  #count = 0

  /** Puts a task into line, behind all others. */
  add(task: Task, stored: Promise<void>): OpenTask {
    const open: OpenTask = {
      task,
      number: this.#count++,
      abort: new AbortController(),
      done: Promise.withResolvers(),
      ended: Promise.withResolvers(),
      stored,
      ready: false,
      since: undefined,
      cancelTimer() {},
    }
    this.#byId.set(task.id, open)
    const lane = this.#byLane.get(task.lane) ?? new Set()
    this.#byLane.set(task.lane, lane.add(open))
    this.waiting.add(open)
    return open
  }

  get(id: string): OpenTask | undefined {
    return this.#byId.get(id)
  }

  has(open: OpenTask): boolean {
    return this.#byId.get(open.task.id) === open
  }

  /** Takes out a task that has ended. */
  remove(open: OpenTask): void {
    if (!this.has(open)) return
    open.cancelTimer()
    this.#byId.delete(open.task.id)
    const lane = this.#byLane.get(open.task.lane)
    lane?.delete(open)
    if (lane?.size === 0) this.#byLane.delete(open.task.lane)
    this.waiting.delete(open)
    this.#rest(open)
  }

  /** The task that does what `order` asks for. */
  same(order: TaskOrder): OpenTask | undefined {
    return this.#ofLane(order).find(
      ({ task, abort }) =>
        !abort.signal.aborted &&
        task.digest === order.digest &&
        task.recipe === order.recipe &&
        (order.digest !== undefined || task.state === 'waiting'),
    )
  }

  /**
   * Which tasks of a lane are out of date because of which, now that `open` has come to it: the older ones, or, where
   * the registry says that what `open` asks for was pushed before, `open` itself.
   */
  *superseded(open: OpenTask): Generator<[older: OpenTask, newer: OpenTask]> {
    for (const other of this.#ofLane(open.task)) {
      if (other === open || other.number > open.number) continue
      const [mine, its] = [open.task.pushedAt, other.task.pushedAt]
      if (mine !== undefined && its !== undefined && mine < its) {
        yield [open, other]
        return
      }
      // nobody can tell whether what runs is out of date when one of the two does not say what it is about
      const told = open.task.digest !== undefined && other.task.digest !== undefined
      if (told || other.task.state === 'waiting') yield [other, open]
    }
  }

  /** The first task that may begin. */
  next(workersOf: (host: string) => number): OpenTask | undefined {
    const busy = new Set([...this.running].flatMap(({ task }) => [task.lane, workOf(task)]))
    for (const open of this.waiting) {
      const { lane, host } = open.task
      if (!open.ready || busy.has(lane) || busy.has(workOf(open.task))) continue
      if ((this.#runningOf.get(host) ?? 0) < workersOf(host)) return open
      // an older task of a lane is not overtaken because of its registry
      busy.add(lane)
    }
    return undefined
  }

  begin(open: OpenTask): void {
    this.waiting.delete(open)
    this.running.add(open)
    const { host } = open.task
    this.#runningOf.set(host, (this.#runningOf.get(host) ?? 0) + 1)
    open.ended = Promise.withResolvers()
  }

  /** Puts a task back into line that will be tried again. */
  waitAgain(open: OpenTask): void {
    this.#rest(open)
    open.abort = new AbortController()
    this.waiting.add(open)
  }

  #rest(open: OpenTask): void {
    if (!this.running.delete(open)) return
    const { host } = open.task
    const left = (this.#runningOf.get(host) ?? 1) - 1
    if (left === 0) this.#runningOf.delete(host)
    else this.#runningOf.set(host, left)
  }

  #ofLane({ lane }: TaskOrder): OpenTask[] {
    return [...(this.#byLane.get(lane) ?? [])]
  }
}

/** What a task does, whatever it is for; of a task that does not say what it converts, the task itself. */
function workOf({ id, repository, digest, rule, recipe }: Task): string {
  return repository === undefined || digest === undefined
    ? id
    : JSON.stringify([repository, digest, rule, recipe])
}
