import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What SQLite has beside a database file, by what follows its name. Source: sqlite.org/tempfiles.html. */
const BESIDE = ['-wal', '-shm'] as const

/** Rows that are asked for one by one where a stretch of a table cannot be walked through. */
const MAX_SINGLE = 1_000_000

/** Opens a damaged database to read what is left of it; nothing in it is changed. Throws what SQLite says. */
export function openDamaged(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, defensive: false })
  // Else nothing at all is read of a file that was cut. Source: sqlite3.c, lockBtree.
  database.exec('PRAGMA writable_schema = ON')
  return database
}

/**
 * The rows of `table` that can be read, of a database that may be damaged anywhere, in the order of `key`, its INTEGER PRIMARY KEY.
 * What they say may be wrong all the same. Nothing where not even the schema can be read.
 */
export function* readableRows(
  database: DatabaseSync,
  table: string,
  key: string,
): Generator<Record<string, unknown>> {
  let last = 0
  for (const row of untilDamage(database, `SELECT * FROM ${table} ORDER BY ${key}`)) {
    last = Math.max(last, Number(row[key]))
    yield row
  }
  const behind = [
    ...untilDamage(database, `SELECT * FROM ${table} ORDER BY ${key} DESC`, last, key),
  ]
  behind.reverse()
  const first = Number(behind[0]?.[key] ?? highestKey(database, table) + 1)
  for (let at = last + 1; at < Math.min(first, last + 1 + MAX_SINGLE); at++) {
    yield* untilDamage(database, `SELECT * FROM ${table} WHERE ${key} = ${at}`)
  }
  yield* behind
}

/** Rows up to the first that cannot be read, or that has no more than `after` in `key`. */
function* untilDamage(
  database: DatabaseSync,
  sql: string,
  after = 0,
  key?: string,
): Generator<Record<string, unknown>> {
  try {
    for (const row of database.prepare(sql).iterate()) {
      if (key !== undefined && Number(row[key]) <= after) return
      yield row
    }
  } catch {
    // What is behind it is asked for in another way.
  }
}

/** The highest key that the table has given out; 0 where that cannot be read. Source: sqlite.org/autoinc.html. */
function highestKey(database: DatabaseSync, table: string): number {
  const sql = `SELECT seq FROM sqlite_sequence WHERE name = '${table}'`
  const [row] = untilDamage(database, sql)
  return Number(row?.['seq'] ?? 0)
}

/**
 * Moves a database that nobody has open out of the way, to `path`.damaged-`time`, where SQLite finds its log beside it; gives
 * the new path. The log goes first: a new database must not find the log of the old one.
 */
export function setAside(path: string, time: Date): string {
  const aside = `${path}.damaged-${time.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`
  for (const end of BESIDE) moveIfThere(`${path}${end}`, `${aside}${end}`)
  renameSync(path, aside)
  flushFolder(path)
  return aside
}

/** Removes a database that nobody has open. */
export function removeDatabase(path: string): void {
  for (const end of [...BESIDE, '']) rmSync(`${path}${end}`, { force: true })
}

/** Gives a closed database its name. */
export function putInPlace(from: string, path: string): void {
  renameSync(from, path)
  flushFolder(path)
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function flushFolder(path: string): void {
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
