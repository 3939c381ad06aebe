import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDatabase } from '../database/database.ts'
import { createLog } from '../log/log.ts'
import { databasePath } from '../store/store.ts'
import { openWorkDirectory } from '../store/work-directory.ts'
import { createSqliteTaskStore, taskSchema } from '../tasks/sqlite-task-store.ts'
import type { Task } from '../tasks/task.ts'
import { damagedDatabases, recoverDatabase } from './recover-database.ts'

const folder = mkdtempSync(join(tmpdir(), 'recover-'))
after(() => rmSync(folder, { recursive: true }))

const TASKS = 2000
/** Every tenth is open. */
const tasks = Array.from({ length: TASKS }, (_, i): Task => {
  const open = i % 10 === 0
  return {
    id: `task-${i}`,
    source: `hub.test/app:${i}`,
    host: 'hub.test',
    lane: `lane-${i}`,
    state: open ? 'waiting' : 'failed',
    created: i,
    attempts: 1,
    interruptions: 0,
    reason: 'long words '.repeat(30),
    ...(open ? {} : { finished: i }),
  }
})

/** A database with all tasks, and where its file is. */
async function filled(name: string): Promise<{ workDir: string; path: string }> {
  const workDir = join(folder, name)
  mkdirSync(workDir)
  const path = databasePath(workDir)
  using database = openDatabase(path, [taskSchema])
  await createSqliteTaskStore(database).write(
    tasks.map((task) => ({
      type: 'put',
      task,
      record: { time: task.created, type: 'queued', message: task.id },
    })),
  )
  return { workDir, path }
}

/** Inverts `count` bytes of a file from `at` on. */
async function flip(path: string, at: number, count: number): Promise<void> {
  const bytes = await readFile(path)
  for (let i = at; i < at + count; i++) bytes[i]! ^= 0xff
  await writeFile(path, bytes)
}

/** Recovers, and tells what was said and what is there then. */
async function recovered(workDir: string) {
  let said = ''
  const log = createLog({ write: (line) => void (said += line) })
  const damaged = await recoverDatabase(workDir, log, () => new Date('2026-01-02T03:04:05.678Z'))
  using database = openDatabase(databasePath(workDir), [taskSchema])
  const store = createSqliteTaskStore(database)
  const all = store.list({}).tasks.map(({ id }) => id)
  const open = store.unfinished()
  const records = (id: string): (string | undefined)[] =>
    store.records(id).map(({ message }) => message)
  return { damaged, said, all, open, known: open.map(({ id }) => records(id)) }
}

test('a database that is whole stays as it is', async () => {
  const { workDir, path } = await filled('whole')
  const before = await readFile(path)
  const { damaged, said } = await recovered(workDir)
  assert.deepEqual([damaged, said], [false, ''])
  assert.ok(before.equals(await readFile(path)))
})

test('one page in the middle: what is before and behind it is taken over, in order', async () => {
  const { workDir, path } = await filled('middle')
  const { length } = await readFile(path)
  await flip(path, (Math.trunc(length / 4096 / 3) - 1) * 4096, 4096)
  const damagedBytes = await readFile(path)
  const { damaged, said, all, open, known } = await recovered(workDir)
  assert.equal(damaged, true)
  assert.ok(all.length < TASKS && all.length > TASKS - 50, `${all.length} of ${TASKS}`)
  const numbers = all.toReversed().map((id) => Number(id.slice(5)))
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  )
  const wanted = new Map(tasks.map((task) => [task.id, task]))
  for (const task of open) assert.deepEqual(task, wanted.get(task.id))
  assert.ok(known.filter((records) => records.length === 1).length > open.length - 30)
  assert.match(said, new RegExp(`${open.length} open and ${all.length - open.length} ended tasks`))
  const [aside, ...more] = await damagedDatabases(workDir)
  assert.deepEqual([aside, more], [`${path}.damaged-20260102T030405Z`, []])
  assert.ok(damagedBytes.equals(await readFile(aside!)), 'the damaged file is kept as it is')
  // Said again at each start, and the new database is whole.
  const again = await recovered(workDir)
  assert.equal(again.damaged, false)
  assert.match(again.said, /level=warning .*accel\.db\.damaged-20260102T030405Z was moved aside/)
  assert.equal(again.all.length, all.length)
})

test('a file that was cut: what is before the cut is taken over', async () => {
  const { workDir, path } = await filled('cut')
  const { length } = await readFile(path)
  await truncate(path, Math.trunc(length / 2))
  const { damaged, all } = await recovered(workDir)
  assert.ok(damaged && all.length > TASKS / 4, `${all.length} of ${TASKS}`)
})

for (const [name, at] of Object.entries({ 'its header': 0, 'its schema': 100 })) {
  test(`${name} is damaged: the start goes on with an empty queue`, async () => {
    const { workDir, path } = await filled(name)
    await flip(path, at, 100)
    const { damaged, said, all } = await recovered(workDir)
    assert.deepEqual([damaged, all], [true, []])
    assert.match(said, /level=error .*0 open and 0 ended tasks/)
  })
}

test('a task whose text is damaged, which SQLite cannot see, does not stop the others', async () => {
  const { workDir, path } = await filled('text')
  const bytes = await readFile(path)
  await flip(path, bytes.indexOf('"lane-1000"') - 10, 6)
  const { damaged, said, all, open } = await recovered(workDir)
  assert.equal(damaged, true)
  assert.match(said, /row 1001 of its tasks is no task/)
  assert.equal(all.length, TASKS - 1)
  assert.equal(open.length, TASKS / 10 - 1)
})

test('nothing is moved while another process works with the folder', async () => {
  const { workDir, path } = await filled('shared')
  await flip(path, 4096 * 10, 4096)
  {
    await using _ = await openWorkDirectory(workDir)
    await assert.rejects(recovered(workDir), {
      code: 'STORE_DAMAGED',
      message: /when the other processes that work with it have ended, now 1/,
    })
    assert.deepEqual(await damagedDatabases(workDir), [])
  }
  assert.equal((await recovered(workDir)).damaged, true)
})

test('a start that died in the middle is gone on with', async () => {
  const { workDir, path } = await filled('died')
  // It had moved the damaged file away, and not yet put the new one in its place.
  copyFileSync(path, `${path}.damaged-20260101T000000Z`)
  const rescued = join(workDir, 'accel.db.rescued')
  copyFileSync(path, rescued)
  rmSync(path)
  assert.equal((await recovered(workDir)).all.length, TASKS)
  assert.ok(!existsSync(rescued))
  // It had not moved anything yet: what it had rescued is made again.
  await flip(path, 4096 * 10, 4096)
  await writeFile(rescued, 'half')
  assert.ok((await recovered(workDir)).all.length > TASKS - 50)
  assert.deepEqual(
    readdirSync(workDir).filter((name) => name.includes('rescued')),
    [],
  )
})
