import type { Database } from '../database/database.ts'
import type { Digest } from '../oci/digest.ts'

/** In which repositories blobs were seen. It is a memory, not a truth: a mount that fails is no error. */
export interface Placements {
  /** Repositories of `host` that had the blob, the last seen first. */
  find(blob: Digest, host: string): string[]
  add(blob: Digest, host: string, repository: string): void
}

/** Repositories that are tried for one blob: each that has it no more costs a request. */
const MAX_FOUND = 3
/** Most placements that are remembered; the oldest are forgotten. */
const MAX_PLACEMENTS = 500_000

/** Opens the placements of a database that has `storeSchema`. */
export function openPlacements(database: Database, now: () => number = Date.now): Placements {
  const { connection } = database
  const statements = database.guard(() => ({
    find: connection.prepare(
      'SELECT repository FROM placement WHERE blob = ? AND host = ? ORDER BY seen DESC LIMIT ?',
    ),
    put: connection.prepare('INSERT OR REPLACE INTO placement VALUES (?, ?, ?, ?)'),
    trim: connection.prepare(
      `DELETE FROM placement WHERE seen <=
        (SELECT seen FROM placement ORDER BY seen DESC LIMIT 1 OFFSET ?)`,
    ),
  }))
  return {
    find: (blob, host) =>
      database.guard(() =>
        statements.find.all(blob, host, MAX_FOUND).map((row) => row['repository'] as string),
      ),
    add: (blob, host, repository) =>
      database.transaction(() => {
        statements.put.run(blob, host, repository, now())
        statements.trim.run(MAX_PLACEMENTS)
      }),
  }
}
