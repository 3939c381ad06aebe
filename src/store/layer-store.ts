import { readFile, writeFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import type { Database } from '../database/database.ts'
import { digestOf, parseDigest, type Digest } from '../oci/digest.ts'
import type { Content } from './content.ts'
import { storeError, type Ingest, type WorkDirectory } from './work-directory.ts'

/** How the owners begin that are processes. */
export const PROCESS_OWNER = 'process:'

/** A layer that was converted: what is known of it, and its blob. */
export interface StoredLayer<Result> {
  result: Result
  /** The file of its blob; absent where the source's blob stands in the result. */
  path?: string
}

/** The blob of a layer that has just been converted. */
export interface NewBlob {
  ingest: Ingest
  digest: Digest
  size: number
}

/**
 * Layers that were converted, by the key of their conversion: as long as somebody needs them, and after that as long as
 * there is room. Owners name what needs them, `task:<id>` or `process:<id>`; a lease is taken with each layer that is put
 * in or taken out, and lasts until its owner is released, however many processes come and go meanwhile.
 */
export interface LayerStore<Result> {
  /** Keeps a layer. `result` is plain data (structured clone). Throws STORE_…. */
  put(owner: string, key: string, result: Result, blob?: NewBlob): Promise<StoredLayer<Result>>
  /** The layer of `key`, checked against its digest; undefined where there is none, or none that is whole. */
  take(owner: string, key: string): Promise<StoredLayer<Result> | undefined>
  /** Takes a lease of a layer that was put or taken by another; false when it is gone. */
  hold(owner: string, key: string): boolean
  /** Ends the leases of an owner; what nobody needs any more may be collected from then on. */
  release(owner: string): void
  /** Ends the leases of all owners that begin with `prefix` and of which `isNeeded` does not say that they live. */
  releaseAllBut(prefix: string, isNeeded: () => (owner: string) => boolean): void
}

/** Opens the layers of a database that has `storeSchema`. */
export function openLayerStore<Result>(
  database: Database,
  content: Content,
  work: WorkDirectory,
  init: { onChange?: () => void; now?: () => number } = {},
): LayerStore<Result> {
  const { onChange = () => {}, now = Date.now } = init
  const { connection } = database
  const statements = database.guard(() => ({
    find: connection.prepare('SELECT detail, blob FROM layer WHERE key = ?'),
    insert: connection.prepare(
      'INSERT INTO layer (key, detail, blob, used, uses) VALUES (?, ?, ?, ?, 1)',
    ),
    use: connection.prepare('UPDATE layer SET used = max(used, ?), uses = uses + 1 WHERE key = ?'),
    remove: connection.prepare('DELETE FROM layer WHERE key = ?'),
    lease: connection.prepare('INSERT OR IGNORE INTO lease VALUES (?, ?)'),
    release: connection.prepare('DELETE FROM lease WHERE owner = ?'),
    owners: connection.prepare(
      'SELECT DISTINCT owner FROM lease WHERE substr(owner, 1, length(?1)) = ?1',
    ),
  }))
  const find = (key: string): { detail: Digest; blob: Digest | undefined } | undefined => {
    const row = statements.find.get(key)
    if (row === undefined) return undefined
    const blob = row['blob'] as string | null
    return {
      detail: parseDigest(row['detail'] as string),
      blob: blob === null ? undefined : parseDigest(blob),
    }
  }
  const hold = (owner: string, key: string): boolean => {
    if (find(key) === undefined) return false
    const added = statements.lease.run(owner, key)
    // once for each who needs it, however often that asks
    if (Number(added.changes) > 0) statements.use.run(now(), key)
    return true
  }
  const stored = (result: Result, blob: Digest | undefined): StoredLayer<Result> =>
    blob === undefined ? { result } : { result, path: content.path(blob) }

  const take = async (owner: string, key: string): Promise<StoredLayer<Result> | undefined> => {
    const found = database.transaction(() => (hold(owner, key) ? find(key) : undefined))
    if (found === undefined) return undefined
    const { detail, blob } = found
    const whole =
      (await content.verify(detail)) && (blob === undefined || (await content.verify(blob)))
    if (whole) return stored(deserialize(await readFile(content.path(detail))) as Result, blob)
    database.transaction(() => {
      statements.remove.run(key)
      content.removeUnused()
    })
    return undefined
  }

  return {
    async put(owner, key, result, blob) {
      const bytes = serialize(result)
      const detail = work.ingest()
      try {
        await writeFile(detail.path, bytes, { mode: 0o600 }).catch((cause: unknown) => {
          throw storeError(cause, detail.path)
        })
        // what only a process needs may be lost with the power: a file that was is found out by its digest
        if (!owner.startsWith(PROCESS_OWNER)) {
          await content.flush(detail.path)
          if (blob !== undefined) await content.flush(blob.ingest.path)
        }
        const digest = digestOf(bytes)
        const add = (): boolean => {
          if (hold(owner, key)) return false
          content.adopt(detail.path, digest, bytes.length)
          if (blob !== undefined) content.adopt(blob.ingest.path, blob.digest, blob.size)
          statements.insert.run(key, digest, blob?.digest ?? null, now())
          statements.lease.run(owner, key)
          return true
        }
        while (!database.transaction(add)) {
          // another process has put it meanwhile
          const other = await take(owner, key)
          if (other !== undefined) return other
        }
      } finally {
        await detail.remove()
        await blob?.ingest.remove()
      }
      onChange()
      return stored(result, blob?.digest)
    },
    take,
    hold: (owner, key) => database.transaction(() => hold(owner, key)),
    release(owner) {
      database.transaction(() => void statements.release.run(owner))
      onChange()
    },
    releaseAllBut(prefix, isNeeded) {
      database.transaction(() => {
        // within the transaction, so that who comes meanwhile is seen or has no lease yet
        const needed = isNeeded()
        for (const row of statements.owners.all(prefix)) {
          const owner = row['owner'] as string
          if (!needed(owner)) statements.release.run(owner)
        }
      })
      onChange()
    },
  }
}
