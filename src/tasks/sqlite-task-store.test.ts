import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDatabase } from '../database/database.ts'
import { createSqliteTaskStore, taskSchema } from './sqlite-task-store.ts'
import type { Task, TaskProgress } from './task.ts'

const folder = mkdtempSync(join(tmpdir(), 'task-store-'))
after(() => rmSync(folder, { recursive: true }))

const progress: TaskProgress = {
  phase: 'push',
  layers: 1,
  layersDone: 1,
  sourceBytes: 1,
  readBytes: 1,
  writtenBytes: 1,
  pushedBytes: 0,
  each: [
    {
      platform: 'linux/amd64',
      index: 1,
      digest: 'sha256:00',
      state: 'pushing',
      size: 1,
      read: 1,
      written: 1,
      pushed: 0,
      convertTo: 5,
    },
  ],
}
const task: Task = {
  id: 'one',
  source: 'hub.test/app:1',
  host: 'hub.test',
  lane: 'a',
  state: 'running',
  created: 1,
  attempts: 1,
  interruptions: 0,
  progress,
}

test('the report of a task is kept, and left out of lists', async () => {
  using database = openDatabase(join(folder, 'report.db'), [taskSchema])
  const store = createSqliteTaskStore(database)
  const sums = { sourceSize: 1, targetSize: 2 }
  const report = { driver: 'estargz', layers: [], kept: [], verifiedPaths: 3 }
  const ended: Task = { ...task, state: 'completed', outcome: { ...sums, report } }
  await store.write([{ type: 'put', task: ended }])
  assert.deepEqual(store.get('one'), ended)
  assert.deepEqual(store.list({}).tasks[0]?.outcome, sums)
})

test('the layers of a task are kept, and left out of lists', async () => {
  const path = join(folder, 'state.db')
  {
    using database = openDatabase(path, [taskSchema])
    await createSqliteTaskStore(database).write([{ type: 'put', task }])
  }
  using database = openDatabase(path, [taskSchema])
  const store = createSqliteTaskStore(database)
  assert.deepEqual(store.get('one'), task)
  const { each: _, ...sums } = progress
  assert.deepEqual(store.list({}).tasks, [{ ...task, progress: sums }])
  // another attempt has none of them yet
  await store.write([{ type: 'put', task: { ...task, progress: sums } }])
  assert.deepEqual(store.get('one')?.progress, sums)
})
