import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from '../database/database.ts'
import { digestFrom, hexOf, parseDigest, type Digest } from '../oci/digest.ts'
import { storeError } from './work-directory.ts'

/** Bytes of a file that are read at once. */
const PIECE = 1024 * 1024

/**
 * Files by the digest of what they hold: `<work_dir>/blobs/sha256/<hex>`. A file is there under its name whole or not
 * at all, and a row of `content` says so; names change within a transaction only, so that processes that share the
 * directory do not take each other's files away.
 */
export class Content {
  readonly #database: Database
  readonly #folder: string
  /** What this process has made or checked itself. */
  readonly #verified = new Set<Digest>()

  /** Opens, or begins, the content of `workDir`; files that no row speaks of are removed. Throws STORE_…. */
  constructor(database: Database, workDir: string) {
    this.#database = database
    this.#folder = join(workDir, 'blobs', 'sha256')
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    } catch (cause) {
      throw storeError(cause, this.#folder)
    }
    this.#sweep()
  }

  path(digest: Digest): string {
    return join(this.#folder, hexOf(digest))
  }

  /** Puts a finished file onto the disk for good; it still has to be `adopt`ed. Throws STORE_…. */
  async flush(path: string): Promise<void> {
    try {
      const file = await open(path, 'r')
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw storeError(cause, path)
    }
  }

  /** Takes a file, which `digest` and `size` were computed of, under its name. Within a transaction. */
  adopt(path: string, digest: Digest, size: number): void {
    const known = this.#database.connection
      .prepare('INSERT OR IGNORE INTO content VALUES (?, ?, ?)')
      .run(digest, size, Date.now())
    if (Number(known.changes) === 0) return
    renameSync(path, this.path(digest))
    // the new name has to be on the disk before the row is
    const folder = openSync(this.#folder, 'r')
    fsyncSync(folder)
    closeSync(folder)
    this.#verified.add(digest)
  }

  /** Whether a file holds what its name says; read once by a process. */
  async verify(digest: Digest): Promise<boolean> {
    if (this.#verified.has(digest)) return true
    const hash = createHash('sha256')
    try {
      for await (const piece of createReadStream(this.path(digest), { highWaterMark: PIECE })) {
        hash.update(piece as Buffer)
      }
    } catch {
      return false
    }
    if (digestFrom(hash) !== digest) return false
    this.#verified.add(digest)
    return true
  }

  /** Removes what no layer refers to. Within a transaction. */
  removeUnused(): void {
    const { connection } = this.#database
    const unused = connection
      .prepare(
        `DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM layer WHERE layer.blob = digest)
          AND NOT EXISTS (SELECT 1 FROM layer WHERE layer.detail = digest) RETURNING digest`,
      )
      .all()
    for (const row of unused) {
      const digest = parseDigest(row['digest'] as string)
      this.#verified.delete(digest)
      rmSync(this.path(digest), { force: true })
    }
  }

  #sweep(): void {
    this.#database.transaction(() => {
      const known = this.#database.connection.prepare('SELECT 1 FROM content WHERE digest = ?')
      for (const name of readdirSync(this.#folder)) {
        if (known.get(`sha256:${name}`) === undefined) rmSync(join(this.#folder, name))
      }
    })
  }
}
