import { DatabaseSync } from 'node:sqlite'

/** How long another process's transaction is waited for, in milliseconds. */
const BUSY_MS = 2_000

/**
 * Reads through the database at `path` without changing it; returns what is wrong with it, in the words of SQLite, or
 * undefined. The file must be there. Source: sqlite.org/pragma.html#pragma_quick_check.
 */
export function databaseProblem(path: string): string | undefined {
  let connection: DatabaseSync | undefined
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })
    const row = connection.prepare('PRAGMA quick_check(1)').get()
    const said = Object.values(row ?? {})[0]
    return said === 'ok' ? undefined : String(said)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    connection?.close()
  }
}
