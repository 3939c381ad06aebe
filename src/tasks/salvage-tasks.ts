import type { DatabaseSync } from 'node:sqlite'
import { readableRows } from '../database/salvage.ts'
import { wholeTask } from './sqlite-task-store.ts'
import { isFinished, type Task, type TaskRecord, type TaskState } from './task.ts'
import type { TaskChange, TaskStore } from './task-store.ts'

/** How many tasks were taken over. */
export interface SalvagedTasks {
  /** Those that wait or were running. */
  open: number
  ended: number
}

/** Tasks that are written together. */
const AT_ONCE = 200

const states: readonly string[] = [
  'waiting',
  'running',
  'completed',
  'failed',
  'cancelled',
  'superseded',
] satisfies TaskState[]

/**
 * Takes over the tasks that can be read in a damaged database, in their order, with what happened to them. A task whose report
 * cannot be read comes without it. Memory: the records of all tasks. Throws STORE_… where `store` cannot be written.
 */
export async function salvageTasks(
  damaged: DatabaseSync,
  store: TaskStore,
): Promise<SalvagedTasks> {
  const records = recordsByTask(damaged)
  const salvaged: SalvagedTasks = { open: 0, ended: 0 }
  let changes: TaskChange[] = []
  const write = async (): Promise<void> => {
    await store.write(changes)
    changes = []
  }
  for (const row of readableRows(damaged, 'task', 'seq')) {
    const task = taskOf(row)
    if (task === undefined) continue
    salvaged[isFinished(task) ? 'ended' : 'open']++
    const own = records.get(task.id) ?? [undefined]
    for (const record of own) {
      changes.push({ type: 'put', task, ...(record === undefined ? {} : { record }) })
    }
    if (changes.length >= AT_ONCE) await write()
  }
  await write()
  return salvaged
}

/** What SQLite takes for text and is no task, or not what happened to one; undefined where all is right. */
export function taskDamage(database: DatabaseSync): string | undefined {
  for (const row of readableRows(database, 'task', 'seq')) {
    if (wholeOf(row) === undefined) return `row ${String(row['seq'])} of its tasks is no task`
  }
  for (const row of readableRows(database, 'task_record', 'seq')) {
    if (recordOf(row) === undefined) return `row ${String(row['seq'])} of its records is no record`
  }
  return undefined
}

function taskOf(row: Record<string, unknown>): Task | undefined {
  return wholeOf(row) ?? wholeOf({ ...row, layers: null, report: null })
}

function wholeOf(row: Record<string, unknown>): Task | undefined {
  const task: Partial<Task> | null | undefined = attempt(() => wholeTask(row))
  if (typeof task !== 'object' || task === null || task.id !== row['id']) return undefined
  const { source, host, lane, state, created, attempts, interruptions } = task
  const texts = [source, host, lane].every((value) => typeof value === 'string')
  const numbers = [created, attempts, interruptions].every((value) => Number.isFinite(value))
  return texts && numbers && states.includes(state ?? '') ? (task as Task) : undefined
}

function recordsByTask(damaged: DatabaseSync): Map<string, TaskRecord[]> {
  const records = new Map<string, TaskRecord[]>()
  for (const row of readableRows(damaged, 'task_record', 'seq')) {
    const record = recordOf(row)
    if (record === undefined) continue
    const task = String(row['task'])
    const known = records.get(task)
    if (known === undefined) records.set(task, [record])
    else known.push(record)
  }
  return records
}

function recordOf({ body }: Record<string, unknown>): TaskRecord | undefined {
  const record = attempt(() => JSON.parse(String(body)) as Partial<TaskRecord> | null)
  const { time, type } = record ?? {}
  return typeof time === 'number' && typeof type === 'string' ? (record as TaskRecord) : undefined
}

function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
