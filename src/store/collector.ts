import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from '../database/database.ts'
import type { Content } from './content.ts'

/** How much is kept that nobody needs at the moment. Bytes. */
export interface CollectPolicy {
  /** Above this something is removed. 0: nothing is kept. */
  high: number
  /** So much is left then. */
  low: number
}

/** What the store takes on the disk, in bytes. */
export interface StoreUsage {
  /** Finished layers. */
  content: number
  /** Files under way, of all processes. */
  underWay: number
  /** Of the content, what somebody needs at the moment. */
  needed: number
  /** Finished layers, how many. */
  layers: number
}

/** A layer that is removed, or would be. */
export interface Eviction {
  /** Of its conversion. */
  key: string
  bytes: number
  /** When it was last used, milliseconds since 1970. */
  used: number
  /** How often. */
  uses: number
}

/**
 * What goes first: what was unused for longest, where each use counts as another six hours, up to sixteen of them. So a
 * base layer of many images outlives a layer that was used once and lately, and nothing stays for ever. Kept in the
 * database, so that a restart changes nothing.
 */
const RANK = 'used + 21600000 * min(uses, 16)'

/** Removes layers that nobody needs while there are too many, whoever made them. */
export class Collector {
  readonly #database: Database
  readonly #content: Content
  readonly #ingest: string
  readonly #policy: CollectPolicy
  #running: Promise<Eviction[]> | undefined = undefined
  #again = false

  constructor(
    database: Database,
    content: Content,
    init: { workDir: string; policy: CollectPolicy },
  ) {
    this.#database = database
    this.#content = content
    this.#ingest = join(init.workDir, 'ingest')
    this.#policy = init.policy
  }

  async usage(): Promise<StoreUsage> {
    const row = this.#row(
      `SELECT (SELECT bytes FROM content_total) AS content,
        (SELECT count(*) FROM layer) AS layers,
        (SELECT coalesce(sum(size), 0) FROM content WHERE digest IN
          (SELECT blob FROM layer JOIN lease ON layer.key = lease.layer UNION
           SELECT detail FROM layer JOIN lease ON layer.key = lease.layer)) AS needed`,
    )
    return {
      content: row['content']!,
      layers: row['layers']!,
      needed: row['needed']!,
      underWay: await sizeOfFiles(this.#ingest),
    }
  }

  /** Removes what is too much; one run at a time, and another after it where somebody asked meanwhile. */
  run(): Promise<Eviction[]> {
    if (this.#running !== undefined) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#runAll()
    return this.#running
  }

  /** What `run` would remove now. */
  async plan(): Promise<Eviction[]> {
    const excess = await this.#excess()
    if (excess <= 0) return []
    const planned: Eviction[] = []
    let bytes = 0
    for (const eviction of this.#candidates()) {
      if (bytes >= excess) break
      planned.push(eviction)
      bytes += eviction.bytes
    }
    return planned
  }

  async #runAll(): Promise<Eviction[]> {
    const removed: Eviction[] = []
    try {
      do {
        this.#again = false
        for (const eviction of await this.plan()) {
          if (this.#remove(eviction.key)) removed.push(eviction)
        }
      } while (this.#again)
      return removed
    } finally {
      // in one step with the last look at `#again`, so that nobody asks in between
      this.#running = undefined
    }
  }

  /** Bytes that are too much. What only one process has under way counts too: it is on the same disk. */
  async #excess(): Promise<number> {
    const { high, low } = this.#policy
    const { bytes } = this.#row('SELECT bytes FROM content_total')
    const all = bytes! + (await sizeOfFiles(this.#ingest))
    return all > high ? all - low : 0
  }

  /** Layers that nobody needs, those that go first first. */
  #candidates(): Eviction[] {
    return this.#database.guard(() =>
      this.#database.connection
        .prepare(
          `SELECT key, used, uses, (SELECT coalesce(sum(size), 0) FROM content
            WHERE digest IN (layer.detail, layer.blob)) AS bytes
          FROM layer WHERE NOT EXISTS (SELECT 1 FROM lease WHERE lease.layer = key)
          ORDER BY ${RANK}, key`,
        )
        .all()
        .map((row) => row as unknown as Eviction),
    )
  }

  /** Removes a layer, unless somebody needs it by now. */
  #remove(key: string): boolean {
    return this.#database.transaction(() => {
      const { changes } = this.#database.connection
        .prepare(
          'DELETE FROM layer WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.layer = ?1)',
        )
        .run(key)
      this.#content.removeUnused()
      return Number(changes) > 0
    })
  }

  #row(sql: string): Record<string, number> {
    return this.#database.guard(
      () => this.#database.connection.prepare(sql).get() as Record<string, number>,
    )
  }
}

/** Bytes of all files below a folder; what goes away meanwhile counts nothing. */
async function sizeOfFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          (file) => file.size,
          () => 0,
        ),
      ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
