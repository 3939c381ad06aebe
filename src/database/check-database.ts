import { DatabaseSync } from 'node:sqlite'
import { isAccelError } from '../errors/accel-error.ts'
import { databaseError } from './database.ts'

/** How long another process's transaction is waited for, in milliseconds. */
const BUSY_MS = 2_000

/**
 * Reads through the database at `path` without changing it, a second for some 500 MB, and returns what is damaged in it, in
 * the words of SQLite; undefined where it is whole. The file must be there. Throws STORE_UNUSABLE where it cannot be read for
 * another reason. Source: sqlite.org/pragma.html#pragma_integrity_check.
 */
export function databaseDamage(path: string): string | undefined {
  let connection: DatabaseSync | undefined
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })
    const row = connection.prepare('PRAGMA integrity_check(1)').get()
    const said = Object.values(row ?? {})[0]
    return said === 'ok' ? undefined : String(said)
  } catch (error) {
    const known = databaseError(error, path)
    if (isAccelError(known, 'STORE_DAMAGED')) return known.context.problem
    throw known
  } finally {
    connection?.close()
  }
}
