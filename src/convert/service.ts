import type { RuleConfig } from '../config/rules.ts'
import type { Config } from '../config/schema.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Digest } from '../oci/digest.ts'
import type { RegistryClient, RegistryClientComponents } from '../registry/client.ts'
import type { PushFacts } from '../rules/facts.ts'
import { judgeRules } from '../rules/judge.ts'
import { collectPolicy } from '../store/policy.ts'
import { openStore, type Store } from '../store/store.ts'
import { SharedJobs } from '../streams/shared-jobs.ts'
import { createThreadPool } from '../threads/pool.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import type { LayerFile, LayerParts } from './convert-layers.ts'
import type { ConversionRequest, RunInit } from './converter.ts'
import {
  conversionRequest,
  derivedTarget,
  imageOpener,
  openSource,
  openTarget,
  type End,
} from './ends.ts'
import type { LayerCache } from './layer-cache.ts'
import type { ConfiguredRegistryInit } from './registry-hosts.ts'
import type { ConversionReport } from './report.ts'
import { createSettings, type Settings } from './settings.ts'

/** An image to convert, as a user or a registry names it. */
export interface ImageRequest {
  /** A reference, or `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `docker-archive:PATH[:REFERENCE]`. */
  source: string
  /** The digest that is converted, where the caller knows it. */
  digest?: Digest
  /** Where the result goes, in the forms of `source` that can be written. @default the source's repository, its tag and the `tag_suffix` of the rule */
  target?: string
  /** The rule by which it is converted. @default the first that applies, or, with a `target`, `converter.driver` alone */
  rule?: string
  /** The account that pushed it, for rules that ask. */
  operator?: string
}

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
  /** Does `work` with the client of the registries, which stays open until it has ended. */
  useRegistry<T>(work: (registry: RegistryClient) => Promise<T>): Promise<T>
  /**
   * Converts by another configuration from now on; what runs goes on by the one it began with. Threads and the work
   * directory stay as they were opened. Throws CONFIG_…, DRIVER_…, IMAGE_PLATFORM_INVALID, and then changes nothing.
   */
  reconfigure(config: Config): void
}

/** How the service presents itself, and what it takes from the environment. */
export type ServiceInit = ConfiguredRegistryInit

/** Opens work directory, threads and registry client. Throws CONFIG_…, DRIVER_…, STORE_…, IMAGE_PLATFORM_INVALID. */
export async function openConversionService(
  config: Config,
  components: RegistryClientComponents = {},
  init: ServiceInit = {},
): Promise<ConversionService> {
  const { threads, layers } = config.converter
  const pool = createThreadPool({
    ...(threads > 0 ? { batchThreads: threads } : {}),
    ...(layers > 0 ? { layerThreads: layers } : {}),
  })
  const store = await openStore<LayerResult>(config.provider.workDir, {
    policy: collectPolicy(config.provider.gcpolicy),
    onProblem: (error) => components.log?.error('converted layers could not be removed', { error }),
  })
  // who releases a layer in the store is its owner
  const jobs = new SharedJobs<LayerFile>(async () => {})
  const parts: LayerParts = { threads: pool, store, jobs }
  const settingsOf = (from: Config): Settings =>
    createSettings(from, { ...components, parts }, init)
  try {
    return new Conversions(settingsOf, settingsOf(config), { pool, store })
  } catch (error) {
    await pool[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    throw error
  }
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
    return this.#during((settings) => convertBy(settings, request, run))
  }

  release(owner: string): void {
    this.#parts.store.layers.release(owner)
  }

  releaseAllBut(prefix: string, needed: ReadonlySet<string>): void {
    this.#parts.store.layers.releaseAllBut(prefix, () => (owner) => needed.has(owner))
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

async function convertBy(
  settings: Settings,
  request: ImageRequest,
  run: RunInit,
): Promise<ConversionReport> {
  const source = await openSource(request.source, settings.registry)
  if (request.rule !== undefined) {
    return convertByRule(settings, settings.rule(request.rule), source, request, run)
  }
  if (request.target !== undefined) {
    return convertTo(settings, undefined, source, request.target, request, run)
  }
  return convertByFirst(settings, source, request, run)
}

/** Converts by the first rule that applies; some can tell only when they have seen the manifest. */
async function convertByFirst(
  settings: Settings,
  source: End<ImageSource>,
  request: ImageRequest,
  run: RunInit,
): Promise<ConversionReport> {
  const verdicts = judgeRules(settings.rules, pushFacts(source, request))
  const possible = verdicts.filter(({ holds }) => holds !== 'no')
  for (const { rule, holds } of possible.slice(0, -1)) {
    if (holds === 'yes') return convertByRule(settings, rule, source, request, run)
    let applied = true
    const refused = (): void => void (applied = false)
    const report = await convertByRule(settings, rule, source, request, run, refused)
    if (applied) return report
  }
  const last = possible.at(-1)
  if (last !== undefined) return convertByRule(settings, last.rule, source, request, run)
  const why = verdicts.map(({ rule, because }) => `not ${rule.name}, ${because}`).join('; ')
  throw new AccelError('REFERENCE_NO_TARGET', {
    source: source.name,
    why: verdicts.length === 0 ? 'no rule has a tag_suffix' : `no rule applies: ${why}`,
  })
}

function convertByRule(
  settings: Settings,
  rule: RuleConfig,
  source: End<ImageSource>,
  request: ImageRequest,
  run: RunInit,
  refused?: () => void,
): Promise<ConversionReport> {
  const target = request.target ?? derivedTarget(source, rule.tagSuffix)
  const admit: ConversionRequest['admit'] = (image) => {
    const verdicts = judgeRules(settings.rules, pushFacts(source, request), image)
    const own = verdicts.find((verdict) => verdict.rule === rule)
    if (own === undefined || own.holds === 'yes') return undefined
    refused?.()
    return `the rule ${rule.name} does not apply: ${own.because}`
  }
  return convertTo(settings, rule, source, target, request, run, admit)
}

async function convertTo(
  settings: Settings,
  rule: RuleConfig | undefined,
  source: End<ImageSource>,
  wanted: string,
  request: ImageRequest,
  run: RunInit,
  admit?: ConversionRequest['admit'],
): Promise<ConversionReport> {
  const target = await openTarget(wanted, settings.registry)
  try {
    const pair = conversionRequest(source, target, request.digest)
    const cache = pair.sameRepository ? cacheOf(settings, rule, target) : undefined
    const conversion = {
      ...pair,
      ...(cache === undefined ? {} : { cache }),
      openImage: imageOpener(settings.registry, target),
      ...(admit === undefined ? {} : { admit }),
    }
    return await settings.converter(rule).convert(conversion, run)
  } finally {
    await target.close()
  }
}

/** The remote cache of the rule, where the target is a repository that can be read. */
function cacheOf(
  settings: Settings,
  rule: RuleConfig | undefined,
  { transport, asSource, reference }: End<ImageTarget>,
): LayerCache | undefined {
  if (asSource === undefined || reference === undefined) return undefined
  const name = `${reference.host}/${reference.repository}`
  return settings.cache(rule, { source: asSource, target: transport, name })
}

function pushFacts(source: End<unknown>, { operator }: ImageRequest): PushFacts {
  const { host = '', repository = '', tag } = source.reference ?? {}
  return { host, repository, tag, operator }
}
