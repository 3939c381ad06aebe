import type { SQLOutputValue } from 'node:sqlite'
import { openDatabaseToRead } from '../database/database.ts'
import { databasePath } from './store.ts'

type Row = Record<string, SQLOutputValue>

/** A layer that was converted before. */
export interface KnownLayer {
  /** Bytes of its blob; absent where the source's blob stands in the result. */
  size?: number
  /** A registry had its blob when it was last seen. */
  placed: boolean
}

/** What is in a work directory, for who only wants to know: nothing is held, and it may be gone the next moment. */
export interface KnownLayers extends Disposable {
  /** The layer of a key, and whether `host` has its blob. */
  find(key: string, host: string | undefined): KnownLayer | undefined
}

/** Looks into `workDir`, which need not be there; nothing is written. */
export function openKnownLayers(workDir: string): KnownLayers {
  const connection = openDatabaseToRead(databasePath(workDir))
  const query = (sql: string, ...values: string[]): Row | undefined => {
    try {
      return connection?.prepare(sql).get(...values)
    } catch {
      // a database of another release, or one that is just being made
      return undefined
    }
  }
  return {
    find(key, host) {
      const row = query(
        'SELECT blob, size FROM layer LEFT JOIN content ON blob = digest WHERE key = ?',
        key,
      )
      if (row === undefined) return undefined
      const { blob, size } = row
      if (typeof blob !== 'string' || typeof size !== 'number') return { placed: true }
      const placed =
        host !== undefined &&
        query('SELECT 1 FROM placement WHERE blob = ? AND host = ?', blob, host) !== undefined
      return { size, placed }
    },
    [Symbol.dispose]: () => connection?.close(),
  }
}
