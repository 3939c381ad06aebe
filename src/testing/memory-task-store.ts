import { openDatabase } from '../database/database.ts'
import { createSqliteTaskStore, taskSchema } from '../tasks/sqlite-task-store.ts'
import type { TaskStore } from '../tasks/task-store.ts'

/** A real store that ends with the process. */
export function memoryTaskStore(): TaskStore {
  return createSqliteTaskStore(openDatabase(':memory:', [taskSchema]))
}
