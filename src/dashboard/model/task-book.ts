import type { WireProgress, WireTask, WireTaskDetail, WireTaskState } from '../../api/contract.ts'
import { RateMeter } from './rate.ts'

/** A task as far as it is known: lists tell less than events do. */
export type KnownTask = WireTask & Partial<Omit<WireTaskDetail, keyof WireTask>>

/** Bytes in a second, by what is done with them. */
export interface Pace {
  read: number
  pushed: number
}

/** Most tasks that are held; the oldest that have ended go first. */
const MAX_TASKS = 5_000

/** The tasks that the page knows, as lists and events tell of them. Holds at most MAX_TASKS. */
export class TaskBook {
  readonly #tasks = new Map<string, KnownTask>()
  readonly #meters = new Map<string, { read: RateMeter; pushed: RateMeter }>()
  /** Changed since the list that is under way was asked for: what the list says of them is older. */
  #changed: Set<string> | undefined

  /** Every task, the newest first. */
  all(): KnownTask[] {
    return [...this.#tasks.values()].toSorted((a, b) => (a.created < b.created ? 1 : -1))
  }

  get(id: string): KnownTask | undefined {
    return this.#tasks.get(id)
  }

  /** How fast a running task goes, at `now`, in milliseconds of any clock; zeros where that is not known yet. */
  pace(id: string, now: number): Pace {
    const meters = this.#meters.get(id)
    return { read: meters?.read.rate(now) ?? 0, pushed: meters?.pushed.rate(now) ?? 0 }
  }

  /** A list was asked for: from now on, what events say is newer than it. */
  beginList(): void {
    this.#changed = new Set()
  }

  /** The answer. `whole`: tasks that have not ended and are not in it are gone. */
  endList(tasks: readonly WireTask[], { whole }: { whole: boolean }): void {
    const changed = this.#changed ?? new Set()
    this.#changed = undefined
    const listed = new Set(tasks.map(({ id }) => id))
    for (const task of tasks) if (!changed.has(task.id)) this.#put(task)
    if (!whole) return
    for (const { id, state } of this.#tasks.values()) {
      if (isOpen(state) && !listed.has(id) && !changed.has(id)) this.remove(id)
    }
  }

  /** What an event, or an answer about one task, says. */
  put(task: KnownTask): void {
    this.#changed?.add(task.id)
    this.#put(task)
    this.#forget()
  }

  progress(id: string, progress: WireProgress, now: number): void {
    const task = this.#tasks.get(id)
    if (task === undefined || !isOpen(task.state)) return
    this.#tasks.set(id, { ...task, progress })
    let meters = this.#meters.get(id)
    if (meters === undefined) {
      meters = { read: new RateMeter(), pushed: new RateMeter() }
      this.#meters.set(id, meters)
    }
    meters.read.note(progress.read_bytes, now)
    meters.pushed.note(progress.pushed_bytes, now)
  }

  remove(id: string): void {
    this.#tasks.delete(id)
    this.#meters.delete(id)
  }

  #put(task: KnownTask): void {
    const known = this.#tasks.get(task.id)
    // a list does not tell of the progress of a task that still runs
    const kept = known?.state === 'running' && task.state === 'running' ? known : {}
    this.#tasks.set(task.id, { ...kept, ...task })
    if (task.state !== 'running') this.#meters.delete(task.id)
  }

  #forget(): void {
    if (this.#tasks.size <= MAX_TASKS) return
    const oldest = this.all().findLast(({ state }) => !isOpen(state))
    if (oldest !== undefined) this.remove(oldest.id)
  }
}

/** Whether something is still to be done. */
export function isOpen(state: WireTaskState): boolean {
  return state === 'waiting' || state === 'running'
}
