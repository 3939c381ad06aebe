import type {
  WireLayer,
  WireProgress,
  WireTask,
  WireTaskDetail,
  WireTaskState,
} from '../../api/contract.ts'
import { Paces } from './paces.ts'

/** A task as far as it is known: lists tell less than events do. */
export type KnownTask = WireTask & Partial<Omit<WireTaskDetail, keyof WireTask>>

/** Where a running task stands, with the layers that are worked on. */
export type LiveProgress = WireProgress & { active: readonly WireLayer[] }

/** Most tasks that are held; the oldest that have ended go first. */
const MAX_TASKS = 5_000

/** The tasks that the page knows, as lists and events tell of them. Holds at most MAX_TASKS. */
export class TaskBook {
  /** How fast they go. */
  readonly paces = new Paces()
  readonly #tasks = new Map<string, KnownTask>()
  readonly #progress = new Map<string, LiveProgress>()
  /** Changed since the list that is under way was asked for: what the list says of them is older. */
  #changed: Set<string> | undefined
  #sorted: readonly KnownTask[] | undefined

  /** Every task, the newest first; the same array until one of them changes. Progress is no such change. */
  all(): readonly KnownTask[] {
    this.#sorted ??= [...this.#tasks.values()].toSorted((a, b) => (a.created < b.created ? 1 : -1))
    return this.#sorted
  }

  get(id: string): KnownTask | undefined {
    return this.#tasks.get(id)
  }

  /** Where a task stands that runs. */
  progressOf(id: string): LiveProgress | undefined {
    return this.#progress.get(id)
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

  /** Where a task stands at `now`, in milliseconds of any clock; nothing is taken down of one that does not run. */
  progress(id: string, progress: LiveProgress, now: number): void {
    if (this.#tasks.get(id)?.state !== 'running') return
    this.#progress.set(id, progress)
    this.paces.note(id, progress, progress.active, now)
  }

  remove(id: string): void {
    this.#tasks.delete(id)
    this.#stop(id)
    this.#sorted = undefined
  }

  #put(task: KnownTask): void {
    this.#tasks.set(task.id, task)
    this.#sorted = undefined
    if (task.state !== 'running') this.#stop(task.id)
  }

  #stop(id: string): void {
    this.#progress.delete(id)
    this.paces.forget(id)
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

/** The layers that are worked on, of all. */
export function activeOf(layers: readonly WireLayer[]): WireLayer[] {
  return layers.filter(({ state }) => state === 'converting' || state === 'pushing')
}

/** All layers, those of `active` as they stand there. */
export function layersWith(
  layers: readonly WireLayer[],
  active: readonly WireLayer[],
): readonly WireLayer[] {
  if (active.length === 0) return layers
  return layers.map(
    (layer) =>
      active.find(({ platform, index }) => platform === layer.platform && index === layer.index) ??
      layer,
  )
}
