import { AccelError } from '../errors/accel-error.ts'
import { errorText, type Log } from '../log/log.ts'
import type { TaskClock } from './clock.ts'
import type { Task, TaskRecord } from './task.ts'
import type { TaskChange, TaskStore } from './task-store.ts'

/** A task as it stands now, and what happened to it, of which the store does not know. */
interface Unwritten {
  task: Task
  records: readonly TaskRecord[]
}

/** How long after a write that failed the next one is tried. */
const AGAIN_MS = 2_000

/**
 * Writes down what becomes of tasks. An order is refused when it cannot be stored; what happens to a task that is
 * stored happens all the same, and is written down as soon as that works again. A process that dies before that finds
 * the task as it stood last, and does it again.
 */
export class TaskJournal {
  readonly #store: TaskStore
  readonly #log: Log
  readonly #clock: TaskClock
  /** By task, what is to be written down, and what is being written. */
  #dirty = new Map<string, Unwritten>()
  #batch = new Map<string, Unwritten>()
  #writing: Promise<void> | undefined
  #problem: unknown
  #cancelTimer: (() => void) | undefined

  constructor(store: TaskStore, log: Log, clock: TaskClock) {
    this.#store = store
    this.#log = log
    this.#clock = clock
  }

  /** Why the last write failed, or undefined. */
  get problem(): unknown {
    return this.#problem
  }

  /** What the store does not have yet of a task. */
  unwritten(id: string): { task?: Task; records: readonly TaskRecord[] } {
    const [batch, dirty] = [this.#batch.get(id), this.#dirty.get(id)]
    const task = dirty?.task ?? batch?.task
    const records = [...(batch?.records ?? []), ...(dirty?.records ?? [])]
    return task === undefined ? { records } : { task, records }
  }

  /** Stores new tasks, all or none. Throws TASK_NOT_STORED. */
  async accept(tasks: readonly Task[]): Promise<void> {
    const [first] = tasks
    if (first === undefined) return
    const changes = tasks.map((task): TaskChange => ({
      type: 'put',
      task,
      record: { time: task.created, type: 'queued' },
    }))
    try {
      await this.#write(changes)
      // of a task that is tried again, how it ended before
      for (const { id } of tasks) this.#dirty.delete(id)
    } catch (cause) {
      const { source } = first
      throw new AccelError('TASK_NOT_STORED', { source, problem: errorText(cause) }, { cause })
    }
  }

  /** Writes down what became of a task; resolves when that is done or has failed for now. */
  async keep(task: Task, ...records: TaskRecord[]): Promise<void> {
    const before = this.#dirty.get(task.id)?.records ?? []
    this.#dirty.set(task.id, { task, records: [...before, ...records] })
    // what is being written does not have it
    await this.#writing
    await (this.#writing ??= this.#writeDirty())
  }

  /** Forgets a task. Throws STORE_…. */
  async forget(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#write(ids.map((id) => ({ type: 'delete', id })))
    for (const id of ids) this.#dirty.delete(id)
  }

  /** Tries once more to write all down. */
  async close(): Promise<void> {
    await this.#writing
    await (this.#writing ??= this.#writeDirty())
    this.#cancelTimer?.()
  }

  async #writeDirty(): Promise<void> {
    const batch = (this.#batch = this.#dirty)
    this.#dirty = new Map()
    try {
      if (batch.size > 0) await this.#write([...batch.values()].flatMap(changesOf))
    } catch (error) {
      this.#log.error('what became of tasks cannot be stored; it is tried again', { error })
      for (const [id, { task, records }] of batch) {
        const newer = this.#dirty.get(id)
        const all = [...records, ...(newer?.records ?? [])]
        this.#dirty.set(id, { task: newer?.task ?? task, records: all })
      }
      this.#tryAgain()
    } finally {
      this.#batch = new Map()
      this.#writing = undefined
    }
  }

  #tryAgain(): void {
    this.#cancelTimer ??= this.#clock.after(AGAIN_MS, () => {
      this.#cancelTimer = undefined
      this.#writing ??= this.#writeDirty()
    })
  }

  async #write(changes: readonly TaskChange[]): Promise<void> {
    try {
      await this.#store.write(changes)
      this.#problem = undefined
    } catch (error) {
      this.#problem = error
      throw error
    }
  }
}

function changesOf({ task, records }: Unwritten): TaskChange[] {
  if (records.length === 0) return [{ type: 'put', task }]
  return records.map((record) => ({ type: 'put', task, record }))
}
