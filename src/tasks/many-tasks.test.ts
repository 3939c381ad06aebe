import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../database/database.ts'
import { silentLog } from '../log/log.ts'
import { TaskQueue } from './queue.ts'
import { createSqliteTaskStore, taskSchema } from './sqlite-task-store.ts'

const TASKS = 5000

test('five thousand waiting tasks are found in pages, and all are there after a restart', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'many-tasks-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'accel.db')
  const open = (run: () => Promise<never>): Promise<TaskQueue> => {
    const database = openDatabase(path, [taskSchema])
    t.after(() => database[Symbol.dispose]())
    const store = createSqliteTaskStore(database)
    return TaskQueue.open({ store, log: silentLog, run }, { workers: 2 })
  }
  const started: number[] = []
  const forever = (): Promise<never> => {
    started.push(started.length)
    return new Promise(() => undefined)
  }
  const queue = await open(forever)
  const order = (i: number) => ({ source: `app-${i}:v1`, host: `host-${i % 3}`, lane: String(i) })
  await Promise.all(Array.from({ length: TASKS }, (_, i) => queue.submit(order(i))))
  assert.deepEqual(queue.counts(), { waiting: TASKS - 2, running: 2 })
  const seen: string[] = []
  for (let cursor: string | undefined, pages = 0; pages === 0 || cursor !== undefined; pages++) {
    const page = queue.list({ limit: 999, ...(cursor === undefined ? {} : { cursor }) })
    seen.push(...page.tasks.map(({ source }) => source))
    cursor = page.next
  }
  assert.deepEqual(
    seen,
    Array.from({ length: TASKS }, (_, i) => `app-${TASKS - 1 - i}:v1`),
  )
  assert.equal(queue.list({ hosts: ['host-1'], states: ['waiting'] }).tasks.length, 1666)
  assert.equal(queue.list({ text: 'app-77', limit: 1000 }).tasks.length, 11)
  const again = await open(forever)
  assert.deepEqual(again.counts(), { waiting: TASKS - 2, running: 2 })
})
