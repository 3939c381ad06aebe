import type { Config } from '../config/schema.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import type { RegistryClient, RegistryClientComponents } from '../registry/client.ts'
import type { StoreUsage } from '../store/collector.ts'
import { collectPolicy } from '../store/policy.ts'
import { openStore, type Store } from '../store/store.ts'
import { SharedJobs } from '../streams/shared-jobs.ts'
import type { ThreadPool } from '../threads/pool.ts'
import { conversionThreads } from './conversion-threads.ts'
import type { LayerFile, LayerParts } from './convert-layers.ts'
import { convertRequest, type ImageRequest } from './convert-request.ts'
import type { RunInit } from './converter.ts'
import type { ConfiguredRegistryInit } from './registry-hosts.ts'
import type { ConversionReport } from './report.ts'
import { createSettings, type Settings } from './settings.ts'

export type { ImageRequest } from './convert-request.ts'

/** Converts images as a configuration says. */
export interface ConversionService extends AsyncDisposable {
  /**
   * Converts one image and pushes the result. What needs no conversion, also because the rule does not apply, is told
   * by `skipped` in the report. Throws REFERENCE_…, REGISTRY_…, CONTENT_…, IMAGE_…, FORMAT_…, DRIVER_…, STORE_…,
   * CONFIG_RULE_UNKNOWN.
   */
  convert(request: ImageRequest, init: RunInit): Promise<ConversionReport>
  /** Lets go of the finished layers that were converted for `owner`. */
  release(owner: string): void
  /** Lets go of the finished layers of all owners that begin with `prefix` and are not among `needed`. */
  releaseAllBut(prefix: string, needed: ReadonlySet<string>): void
  /** Removes converted layers that nobody needs, as far as there are too many. Throws STORE_…. */
  collect(): Promise<void>
  /** What converted layers take on the disk. */
  usage(): Promise<StoreUsage>
  /** Does `work` with the client of the registries, which stays open until it has ended. */
  useRegistry<T>(work: (registry: RegistryClient) => Promise<T>): Promise<T>
  /**
   * Converts by another configuration from now on; what runs goes on by the one it began with. Threads and the work
   * directory stay as they were opened. Throws CONFIG_…, DRIVER_…, IMAGE_PLATFORM_INVALID, and then changes nothing.
   */
  reconfigure(config: Config): void
}

/** How the service presents itself, and what it takes from the environment. */
export interface ServiceInit extends ConfiguredRegistryInit {
  /** The threads, which the service closes; `niceness` is theirs then. @default those that the configuration asks for */
  threads?: ThreadPool
  /** How far the conversions' threads stand back behind the main thread, 0 to 19. @default 0 */
  niceness?: number
}

/** Opens work directory, threads and registry client. Throws CONFIG_…, DRIVER_…, STORE_…, IMAGE_PLATFORM_INVALID. */
export async function openConversionService(
  config: Config,
  components: RegistryClientComponents = {},
  init: ServiceInit = {},
): Promise<ConversionService> {
  await using opened = new AsyncDisposableStack()
  const pool = opened.use(init.threads ?? conversionThreads(config, init))
  const store = opened.use(
    await openStore<LayerResult>(config.provider.workDir, {
      policy: collectPolicy(config.provider.gcpolicy),
      onProblem: (error) =>
        components.log?.error('converted layers could not be removed', { error }),
    }),
  )
  // who releases a layer in the store is its owner
  const jobs = new SharedJobs<LayerFile>(async () => {})
  const parts: LayerParts = { threads: pool, store, jobs }
  const settingsOf = (from: Config): Settings =>
    createSettings(from, { ...components, parts }, init)
  const settings = settingsOf(config)
  opened.move()
  return new Conversions(settingsOf, settings, { pool, store })
}

/** The conversions that run by one reading of the configuration. */
interface Period {
  settings: Settings
  running: number
  ended: boolean
}

class Conversions implements ConversionService {
  readonly #settingsOf: (config: Config) => Settings
  readonly #parts: { pool: AsyncDisposable; store: Store<LayerResult> }
  #period: Period

  constructor(
    settingsOf: (config: Config) => Settings,
    settings: Settings,
    parts: { pool: AsyncDisposable; store: Store<LayerResult> },
  ) {
    this.#settingsOf = settingsOf
    this.#parts = parts
    this.#period = { settings, running: 0, ended: false }
  }

  convert(request: ImageRequest, run: RunInit): Promise<ConversionReport> {
    return this.#during((settings) => convertRequest(settings, request, run))
  }

  release(owner: string): void {
    this.#parts.store.layers.release(owner)
  }

  releaseAllBut(prefix: string, needed: ReadonlySet<string>): void {
    this.#parts.store.layers.releaseAllBut(prefix, () => (owner) => needed.has(owner))
  }

  usage(): Promise<StoreUsage> {
    return this.#parts.store.collector.usage()
  }

  async collect(): Promise<void> {
    await this.#parts.store.collector.run()
  }

  useRegistry<T>(work: (registry: RegistryClient) => Promise<T>): Promise<T> {
    return this.#during(({ registry }) => work(registry))
  }

  reconfigure(config: Config): void {
    const over = this.#period
    this.#period = { settings: this.#settingsOf(config), running: 0, ended: false }
    over.ended = true
    // with nothing running there is nobody who could be told of a connection that does not close
    this.#closeIfOver(over).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.pool[Symbol.asyncDispose]()
    await this.#period.settings.registry.close()
    await this.#parts.store[Symbol.asyncDispose]()
  }

  /** Does `work` with the settings of now, which stay open until it has ended. */
  async #during<T>(work: (settings: Settings) => Promise<T>): Promise<T> {
    const period = this.#period
    period.running += 1
    try {
      return await work(period.settings)
    } finally {
      period.running -= 1
      await this.#closeIfOver(period)
    }
  }

  async #closeIfOver({ ended, running, settings }: Period): Promise<void> {
    if (ended && running === 0) await settings.registry.close()
  }
}
