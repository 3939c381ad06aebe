import { randomUUID } from 'node:crypto'
import { openDatabase, type Database } from '../database/database.ts'
import { join } from 'node:path'
import { Collector, type CollectPolicy } from './collector.ts'
import { Content } from './content.ts'
import { DiskBudget } from './disk-budget.ts'
import { openLayerStore, PROCESS_OWNER, type LayerStore } from './layer-store.ts'
import { openPlacements, type Placements } from './placements.ts'
import { openResultIndex, type ResultIndex } from './result-index.ts'
import { storeSchema } from './schema.ts'
import { openWorkDirectory, type WorkDirectory } from './work-directory.ts'

/**
 * What lies below a `work_dir`, which several processes may share:
 *
 *     accel.db            which content is whole, which layers were converted and who needs them, which results are known
 *     blobs/sha256/<hex>  content, by digest
 *     ingest/<uuid>/      files under way, of one process
 */
export interface Store<Result> extends AsyncDisposable {
  readonly work: WorkDirectory
  readonly layers: LayerStore<Result>
  readonly results: ResultIndex
  readonly placements: Placements
  readonly collector: Collector
  readonly disk: DiskBudget
  /** A new owner of layers, for what this process needs only as long as it lives. */
  newOwner(): string
}

export interface StoreInit {
  /** How much is kept that nobody needs. @default nothing */
  policy?: CollectPolicy
  /** Told what went wrong when something was to be removed. @default nobody is told */
  onProblem?: (error: unknown) => void
}

const KEEP_NOTHING: CollectPolicy = { high: 0, low: 0 }

/** The database of a work directory. */
export function databasePath(workDir: string): string {
  return join(workDir, 'accel.db')
}

/**
 * Opens the store of `workDir`, which is made where it is missing, and removes what processes that are gone have left.
 * `Result` is what is known of a layer, plain data. Throws STORE_….
 */
export async function openStore<Result>(
  workDir: string,
  { policy = KEEP_NOTHING, onProblem = () => {} }: StoreInit = {},
): Promise<Store<Result>> {
  await using opened = new AsyncDisposableStack()
  const work = opened.use(await openWorkDirectory(workDir))
  const database: Database = opened.use(openDatabase(databasePath(workDir), [storeSchema]))
  const content = new Content(database, workDir)
  const collector = new Collector(database, content, { workDir, policy })
  const collecting = new Set<Promise<unknown>>()
  const collect = (): void => {
    const run = collector.run().catch(onProblem)
    collecting.add(run)
    void run.then(() => collecting.delete(run))
  }
  // before the database is closed
  opened.defer(async () => void (await Promise.all(collecting)))
  const layers = openLayerStore<Result>(database, content, work, { onChange: collect })
  layers.releaseAllBut(PROCESS_OWNER, () => {
    const alive = new Set(work.processes())
    return (owner) => alive.has(owner.split(':')[1] ?? '')
  })
  const store = {
    work,
    layers,
    results: openResultIndex(database),
    placements: openPlacements(database),
    collector,
    disk: new DiskBudget(workDir),
    newOwner: () => `${PROCESS_OWNER}${work.id}:${randomUUID()}`,
  }
  const parts = opened.move()
  return { ...store, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}
