import type { SQLInputValue } from 'node:sqlite'
import type { Database, SchemaPart } from '../database/database.ts'
import type { Task, TaskRecord } from './task.ts'
import type { TaskChange, TaskFilter, TaskPage, TaskStore } from './task-store.ts'

/**
 * The tables of tasks. `body` is the Task as JSON, `layers` its `progress.each` and `report` its `outcome.report`, which
 * lists do without; the other columns are what is searched for.
 */
export const taskSchema: SchemaPart = {
  name: 'task',
  steps: [
    `CREATE TABLE task (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      state TEXT NOT NULL,
      host TEXT NOT NULL,
      source TEXT NOT NULL,
      created INTEGER NOT NULL,
      finished INTEGER,
      body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX task_state ON task (state, seq);
    CREATE INDEX task_finished ON task (finished) WHERE finished IS NOT NULL;
    CREATE TABLE task_record (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      task TEXT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
      body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX task_record_task ON task_record (task, seq);`,
    'ALTER TABLE task ADD COLUMN layers TEXT;',
    'ALTER TABLE task ADD COLUMN report TEXT;',
  ],
}

interface Write {
  changes: readonly TaskChange[]
  done: PromiseWithResolvers<void>
}

/**
 * Keeps tasks in `database`, which has `taskSchema`. All that is written in one turn of the event loop shares one
 * transaction, and so one flush of the disk.
 */
export function createSqliteTaskStore(database: Database): TaskStore {
  const { connection } = database
  const statements = database.guard(() => ({
    put: connection.prepare(`INSERT INTO task (id, state, host, source, created, finished, body, layers, report)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id)
      DO UPDATE SET state = excluded.state, finished = excluded.finished, body = excluded.body,
        layers = excluded.layers, report = excluded.report`),
    record: connection.prepare('INSERT INTO task_record (task, body) VALUES (?, ?)'),
    delete: connection.prepare('DELETE FROM task WHERE id = ?'),
    get: connection.prepare('SELECT body, layers, report FROM task WHERE id = ?'),
    records: connection.prepare('SELECT body FROM task_record WHERE task = ? ORDER BY seq'),
    unfinished: connection.prepare('SELECT body FROM task WHERE finished IS NULL ORDER BY seq'),
    // UNION alone would walk through the whole table, to merge by id
    expired: connection.prepare(`SELECT id FROM task WHERE finished < ? UNION ALL
      SELECT id FROM (SELECT id FROM task WHERE finished IS NOT NULL
        ORDER BY finished DESC, seq DESC LIMIT -1 OFFSET ?)`),
  }))
  let pending: Write[] = []

  const apply = (change: TaskChange): void => {
    if (change.type === 'delete') {
      statements.delete.run(change.id)
      return
    }
    const { task, record } = change
    const { id, state, host, source, created, finished = null } = task
    const { body, layers, report } = rowOf(task)
    statements.put.run(id, state, host, source, created, finished, body, layers, report)
    if (record !== undefined) statements.record.run(id, JSON.stringify(record))
  }

  const flush = (): void => {
    const writes = pending
    pending = []
    try {
      database.transaction(() => {
        for (const { changes } of writes) changes.forEach(apply)
      })
      for (const { done } of writes) done.resolve()
    } catch (error) {
      for (const { done } of writes) done.reject(error)
    }
  }

  return {
    write(changes) {
      if (pending.length === 0) setImmediate(flush)
      const done = Promise.withResolvers<void>()
      pending.push({ changes, done })
      return done.promise
    },
    unfinished: () => database.guard(() => bodies<Task>(statements.unfinished.all())),
    get: (id) => database.guard(() => statements.get.all(id).map(wholeTask)[0]),
    records: (id) => database.guard(() => bodies<TaskRecord>(statements.records.all(id))),
    expired: ({ before, keep }) =>
      database.guard(() => {
        const rows = statements.expired.all(before, keep)
        return [...new Set(rows.map((row) => row['id'] as string))]
      }),
    list: (filter) =>
      database.guard(() => {
        const { sql, values } = query(filter)
        const rows = connection.prepare(sql).all(...values)
        return page(rows, filter.limit)
      }),
  }
}

function rowOf(task: Task): { body: string; layers: string | null; report: string | null } {
  const { each, ...progress } = task.progress ?? {}
  const { report, ...outcome } = task.outcome ?? {}
  const short = {
    ...task,
    ...(task.progress === undefined ? {} : { progress }),
    ...(task.outcome === undefined ? {} : { outcome }),
  }
  const json = (part: unknown): string | null => (part === undefined ? null : JSON.stringify(part))
  return { body: JSON.stringify(short), layers: json(each), report: json(report) }
}

/** The task of a row; of one that an earlier release has written `layers` and `report` may be missing. */
export function wholeTask({ body, layers, report }: Record<string, unknown>): Task {
  const task = JSON.parse(body as string) as Task
  const { progress, outcome } = task
  const whole = <Part extends object>(part: Part, key: string, json: unknown): Part =>
    json === null || json === undefined
      ? part
      : { ...part, [key]: JSON.parse(json as string) as unknown }
  return {
    ...task,
    ...(progress === undefined ? {} : { progress: whole(progress, 'each', layers) }),
    ...(outcome === undefined ? {} : { outcome: whole(outcome, 'report', report) }),
  }
}

function bodies<Body>(rows: Record<string, unknown>[]): Body[] {
  return rows.map((row) => JSON.parse(row['body'] as string) as Body)
}

function query(filter: TaskFilter): { sql: string; values: SQLInputValue[] } {
  const { states, hosts, text, since, cursor, limit } = filter
  const conditions: string[] = []
  const values: SQLInputValue[] = []
  const add = (condition: string, ...more: SQLInputValue[]): void => {
    conditions.push(condition)
    values.push(...more)
  }
  const oneOf = (list: readonly string[]): string => `(${list.map(() => '?').join(', ')})`
  if (states !== undefined) add(`state IN ${oneOf(states)}`, ...states)
  if (hosts !== undefined) add(`host IN ${oneOf(hosts)}`, ...hosts)
  if (text !== undefined) add('instr(source, ?) > 0', text)
  if (since !== undefined) add('created >= ?', since)
  if (cursor !== undefined) add('seq < ?', Number.parseInt(cursor, 10) || 0)
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  // one more than is shown tells whether there is a next page
  const rows = limit === undefined ? '' : ` LIMIT ${Math.trunc(limit) + 1}`
  return { sql: `SELECT seq, body FROM task${where} ORDER BY seq DESC${rows}`, values }
}

function page(rows: Record<string, unknown>[], limit: number | undefined): TaskPage {
  if (limit === undefined || rows.length <= limit) return { tasks: bodies<Task>(rows) }
  const shown = rows.slice(0, Math.trunc(limit))
  return { tasks: bodies<Task>(shown), next: String(shown.at(-1)?.['seq'] ?? 0) }
}
