import type { Task, TaskRecord, TaskState } from './task.ts'

/** Which tasks are listed; all members that are given must fit. */
export interface TaskFilter {
  states?: readonly TaskState[]
  /** Registries. */
  hosts?: readonly string[]
  /** What the source contains. */
  text?: string
  /** Created then or later, milliseconds since 1970. */
  since?: number
  /** Where the page before ended: its `next`. */
  cursor?: string
  /** Tasks of a page. @default all */
  limit?: number
}

/** Tasks, the newest first. */
export interface TaskPage {
  tasks: Task[]
  /** The cursor of the next page; absent on the last. */
  next?: string
}

/** One change; several are written together or not at all. */
export type TaskChange =
  | { type: 'put'; task: Task; record?: TaskRecord }
  | { type: 'delete'; id: string }

/** Where tasks are kept. */
export interface TaskStore {
  /** Resolves once the changes outlive a power cut. Rejects with STORE_…, and then nothing is changed. */
  write(changes: readonly TaskChange[]): Promise<void>
  /** All tasks that have not ended, in the order in which they came. */
  unfinished(): Task[]
  get(id: string): Task | undefined
  /** Of their progress the sums alone, without `each`. */
  list(filter: TaskFilter): TaskPage
  /** What happened to a task, the oldest first. */
  records(id: string): TaskRecord[]
  /** Tasks that ended before `before`, and the oldest of those above `keep`. */
  expired(init: { before: number; keep: number }): string[]
}
