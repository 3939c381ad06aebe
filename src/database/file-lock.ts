import { DatabaseSync } from 'node:sqlite'

/**
 * Takes the lock of the file at `path`, which is made where it is missing; undefined when another process has it. The
 * kernel drops it with the process, whatever killed it, and it holds between containers that share the volume, where a
 * pid would mean nothing. Node has no flock; SQLite's lock is used. Throws what the file system says.
 */
export function tryLock(path: string): Disposable | undefined {
  const database = new DatabaseSync(path)
  try {
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT',
    )
    return { [Symbol.dispose]: () => database.close() }
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}

/** Source: sqlite.org/rescode.html. */
const SQLITE_BUSY = 5
