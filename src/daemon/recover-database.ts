import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { databaseDamage } from '../database/check-database.ts'
import { databaseError, openDatabase } from '../database/database.ts'
import { openDamaged, putInPlace, removeDatabase, setAside } from '../database/salvage.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import { databasePath } from '../store/store.ts'
import { processesIn } from '../store/work-directory.ts'
import { salvageTasks, taskDamage, type SalvagedTasks } from '../tasks/salvage-tasks.ts'
import { createSqliteTaskStore, taskSchema } from '../tasks/sqlite-task-store.ts'

/**
 * Checks the database of `workDir`, which the caller has locked. One that is damaged is moved aside, and a new one with
 * the tasks that can be read takes its place; returns whether that was so. What was finished of layers is forgotten: it is made again.
 *
 *   accel.db damaged ► accel.db.rescued is written ► accel.db gets out of the way ► accel.db.rescued takes its name
 *
 * A process that dies in between has lost nothing: what it left is gone on with, or made again, by the next start.
 * Throws STORE_DAMAGED while other processes work with the folder, STORE_FULL, STORE_UNUSABLE.
 */
export async function recoverDatabase(
  workDir: string,
  log: Log,
  now: () => Date = () => new Date(),
): Promise<boolean> {
  const path = databasePath(workDir)
  const rescued = `${path}.rescued`
  try {
    if (!existsSync(path)) {
      if (existsSync(rescued)) putInPlace(rescued, path)
      await tellOfDamaged(workDir, log)
      return false
    }
    const problem = databaseDamage(path) ?? unreadableTasks(path)
    await tellOfDamaged(workDir, log)
    if (problem === undefined) return false
    const others = await processesIn(workDir)
    if (others > 0) {
      const wait = `${problem}; it can be moved aside when the other processes that work with it have ended, now ${others}`
      throw new AccelError('STORE_DAMAGED', { path, problem: wait })
    }
    log.error(`the database ${path} is damaged: ${problem}`)
    removeDatabase(rescued)
    const { open, ended } = await rescue(path, rescued)
    const aside = setAside(path, now())
    putInPlace(rescued, path)
    log.error(
      `the damaged database was moved to ${aside}; ${open} open and ${ended} ended tasks were read from it, others are lost: "accelctl backfill" finds images that were not converted`,
      { aside, open, ended },
    )
    return true
  } catch (error) {
    throw databaseError(error, path)
  }
}

/** Databases of `workDir` that were moved aside, the oldest first. */
export async function damagedDatabases(workDir: string): Promise<string[]> {
  const prefix = `${basename(databasePath(workDir))}.damaged-`
  const names = (await readdir(workDir)).filter((name) => name.startsWith(prefix))
  const databases = names.filter((name) => !name.endsWith('-wal') && !name.endsWith('-shm'))
  return databases.sort().map((name) => join(workDir, name))
}

/** At each start, until somebody has removed them. */
async function tellOfDamaged(workDir: string, log: Log): Promise<void> {
  for (const path of await damagedDatabases(workDir)) {
    log.warn(`${path} was moved aside because it was damaged: look at its disk, then remove it`)
  }
}

function unreadableTasks(path: string): string | undefined {
  using database = openDamaged(path)
  return taskDamage(database)
}

async function rescue(path: string, rescued: string): Promise<SalvagedTasks> {
  using fresh = openDatabase(rescued, [taskSchema])
  const store = createSqliteTaskStore(fresh)
  let damaged: ReturnType<typeof openDamaged>
  try {
    damaged = openDamaged(path)
  } catch {
    return { open: 0, ended: 0 }
  }
  using _ = damaged
  return await salvageTasks(damaged, store)
}
