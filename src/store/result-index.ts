import type { Database } from '../database/database.ts'
import { parseDigest, type Digest } from '../oci/digest.ts'

/** What decides the result of a conversion, and the repository it is in. */
export interface ResultKey {
  /** Digest of the source's manifest or index. */
  source: Digest
  /** Driver, its version and options. */
  recipe: string
  /** `host/repository` of the target. */
  repository: string
}

/** A result, and how large both sides are, in bytes. */
export interface KnownResult {
  target: Digest
  sourceSize: number
  targetSize: number
}

/** What was made of which image. It is a memory, not a truth: the registry is asked before it is used. */
export interface ResultIndex {
  find(key: ResultKey): KnownResult | undefined
  remember(key: ResultKey, result: KnownResult): void
  forget(key: ResultKey): void
}

/** Most results that are remembered; the oldest are forgotten. */
const MAX_RESULTS = 100_000

/** Opens the results of a database that has `storeSchema`. */
export function openResultIndex(database: Database): ResultIndex {
  const { connection } = database
  const statements = database.guard(() => ({
    find: connection.prepare(
      'SELECT target, source_size, target_size FROM result WHERE source = ? AND recipe = ? AND repository = ?',
    ),
    put: connection.prepare('INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?)'),
    remove: connection.prepare(
      'DELETE FROM result WHERE source = ? AND recipe = ? AND repository = ?',
    ),
    trim: connection.prepare(
      'DELETE FROM result WHERE rowid IN (SELECT rowid FROM result ORDER BY rowid DESC LIMIT -1 OFFSET ?)',
    ),
  }))
  return {
    find: ({ source, recipe, repository }) =>
      database.guard(() => {
        const row = statements.find.get(source, recipe, repository)
        if (row === undefined) return undefined
        return {
          target: parseDigest(row['target'] as string),
          sourceSize: row['source_size'] as number,
          targetSize: row['target_size'] as number,
        }
      }),
    remember: ({ source, recipe, repository }, { target, sourceSize, targetSize }) =>
      database.transaction(() => {
        statements.put.run(source, recipe, repository, target, sourceSize, targetSize)
        statements.trim.run(MAX_RESULTS)
      }),
    forget: ({ source, recipe, repository }) =>
      database.transaction(() => void statements.remove.run(source, recipe, repository)),
  }
}
