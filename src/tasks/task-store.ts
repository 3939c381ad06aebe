import type { Task } from './task.ts'

/** Where tasks are kept. Every change of a task is put before it is acted upon. */
export interface TaskStore {
  /** All tasks, the oldest first. */
  load(): Promise<Task[]>
  /** Keeps `task` in place of the one with its id. */
  put(task: Task): Promise<void>
  delete(id: string): Promise<void>
}

/** A store that lasts as long as the process. */
export function createMemoryTaskStore(initial: readonly Task[] = []): TaskStore {
  const tasks = new Map(initial.map((task) => [task.id, task]))
  return {
    load: async () => [...tasks.values()].toSorted((a, b) => a.created - b.created),
    put: async (task) => void tasks.set(task.id, task),
    delete: async (id) => void tasks.delete(id),
  }
}
