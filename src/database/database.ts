import { closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AccelError } from '../errors/accel-error.ts'

/** The tables of one part of the program. Parts know nothing of each other's. */
export interface SchemaPart {
  /** Never changes. */
  readonly name: string
  /** The SQL that leads from each version to the next, the first from nothing; only ever appended to. */
  readonly steps: readonly string[]
}

/** A database in one file, which several processes may have open. */
export interface Database extends Disposable {
  /** `:memory:` for one that ends with its process. */
  readonly path: string
  /** For statements; its errors go through `guard`. */
  readonly connection: DatabaseSync
  /** Runs `work` in a transaction that is on the disk when it returns, or not at all. Throws STORE_…. */
  transaction<Result>(work: () => Result): Result
  /** Runs `work`; its SQLite errors become STORE_FULL, STORE_DAMAGED or STORE_UNUSABLE. */
  guard<Result>(work: () => Result): Result
}

/** How long another process's transaction is waited for; all of ours take milliseconds. */
const BUSY_TIMEOUT_MS = 5_000

/**
 * Opens the database at `path`, which is made where it is missing, and brings the tables of `parts` up to date. Every
 * committed transaction outlives a power cut: write-ahead log, flushed at each commit.
 * Throws STORE_FULL, STORE_DAMAGED, STORE_UNUSABLE.
 */
export function openDatabase(path: string, parts: readonly SchemaPart[]): Database {
  const guard = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (error) {
      throw databaseError(error, path)
    }
  }
  const connection = guard(() => {
    if (path !== ':memory:') makeFile(path)
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  })
  const database: Database = {
    path,
    connection,
    guard,
    transaction(work) {
      return guard(() => {
        connection.exec('BEGIN IMMEDIATE')
        try {
          const result = work()
          connection.exec('COMMIT')
          return result
        } catch (error) {
          // a full disk has rolled back by itself
          if (connection.isTransaction) connection.exec('ROLLBACK')
          throw error
        }
      })
    },
    [Symbol.dispose]: () => connection.close(),
  }
  try {
    guard(() => {
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      connection.exec('PRAGMA foreign_keys = ON')
    })
    migrate(database, parts)
    return database
  } catch (error) {
    connection.close()
    throw error
  }
}

/**
 * Opens the database at `path` to look into it: nothing is changed, no table made, nobody waited for. Undefined where there
 * is none, or none that can be read.
 */
export function openDatabaseToRead(path: string): DatabaseSync | undefined {
  try {
    return existsSync(path) ? new DatabaseSync(path, { readOnly: true }) : undefined
  } catch {
    return undefined
  }
}

/**
 * Makes the file for nobody else to read; the log beside it becomes as private. A link, which somebody else may have
 * put into a folder that is open to all, is not followed.
 */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
  closeSync(openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600))
}

function migrate(database: Database, parts: readonly SchemaPart[]): void {
  const { connection, path } = database
  database.transaction(() => {
    connection.exec(
      'CREATE TABLE IF NOT EXISTS schema_part (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
    )
    const versionOf = connection.prepare('SELECT version FROM schema_part WHERE name = ?')
    const setVersion = connection.prepare('INSERT OR REPLACE INTO schema_part VALUES (?, ?)')
    for (const { name, steps } of parts) {
      const version = (versionOf.get(name)?.['version'] as number | undefined) ?? 0
      if (version > steps.length) {
        const problem = `its ${name} tables are of version ${version}, this release knows ${steps.length}`
        throw new AccelError('STORE_UNUSABLE', { path, problem })
      }
      if (version === steps.length) continue
      for (const step of steps.slice(version)) connection.exec(step)
      setVersion.run(name, steps.length)
    }
  })
}

/** Result codes of SQLite. Source: sqlite.org/rescode.html. */
const CODE = {
  corrupt: 11,
  full: 13,
  notADatabase: 26,
  /** Extended ones: a sector that cannot be read, a file that is too short, a file system that says that it is damaged. */
  readFailed: 266,
  shortRead: 522,
  corruptFileSystem: 8458,
} as const
/** An extended code has the primary one in its low byte. */
const PRIMARY = 0xff

const damage: readonly number[] = [CODE.readFailed, CODE.shortRead, CODE.corruptFileSystem]

/** An error of SQLite or the file system as the catalogue knows it; any other as it is. */
export function databaseError(error: unknown, path: string): unknown {
  if (error instanceof AccelError) return error
  const { code, errcode, message } = error as { code?: string; errcode?: number; message: string }
  if (code !== 'ERR_SQLITE_ERROR' && code?.startsWith('E') !== true) return error
  const primary = errcode === undefined ? undefined : errcode & PRIMARY
  if (primary === CODE.full) return new AccelError('STORE_FULL', { path }, { cause: error })
  const damaged =
    primary === CODE.corrupt || primary === CODE.notADatabase || damage.includes(errcode ?? 0)
  const kind = damaged ? 'STORE_DAMAGED' : 'STORE_UNUSABLE'
  return new AccelError(kind, { path, problem: message }, { cause: error })
}
