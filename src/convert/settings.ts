import type { RuleConfig } from '../config/rules.ts'
import type { Config } from '../config/schema.ts'
import { driverNamed } from '../drivers/registry.ts'
import { AccelError } from '../errors/accel-error.ts'
import { digestOf } from '../oci/digest.ts'
import { parsePlatforms } from '../oci/platform.ts'
import type { RegistryClient, RegistryClientComponents } from '../registry/client.ts'
import { silentLog } from '../log/silent-log.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import type { LayerParts } from './convert-layers.ts'
import type { LayerCache } from './layer-cache.ts'
import { createConverter, type Converter } from './converter.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from './registry-hosts.ts'

/** What one reading of the configuration makes: the registries as they are reached, and a converter for each rule. */
export interface Settings {
  readonly registry: RegistryClient
  readonly rules: readonly RuleConfig[]
  /** The remote cache of a rule in one repository; undefined where the rule has none. */
  cache(rule: RuleConfig | undefined, place: CachePlace): Promise<LayerCache | undefined>
  /** The converter of a rule, or, without one, of `converter.driver`. */
  converter(rule: RuleConfig | undefined): Converter
  /** The rule of this name. Throws CONFIG_RULE_UNKNOWN. */
  rule(name: string): RuleConfig
}

/** The repository of a cache. */
export interface CachePlace {
  source: ImageSource
  target: ImageTarget
  /** `host/repository`. */
  name: string
}

/** What settings are made with. */
export interface SettingsComponents extends RegistryClientComponents {
  parts: LayerParts
}

/** Throws CONFIG_…, DRIVER_…, IMAGE_PLATFORM_INVALID; nothing is open then. */
export function createSettings(
  config: Config,
  components: SettingsComponents,
  init: ConfiguredRegistryInit,
): Settings {
  const { rules } = config.converter
  const notes = new Set<string>()
  const note = (text: string): unknown => notes.add(text)
  const own = converterOf(config, undefined, components.parts, note)
  const converters = new Map(
    rules.map((rule) => [rule.name, converterOf(config, rule, components.parts, note)]),
  )
  // each once, however many rules have the same driver
  for (const text of notes) components.log?.warn(text)
  return {
    registry: configuredRegistry(config, components, init),
    rules,
    converter: (rule) => converters.get(rule?.name ?? '') ?? own,
    async cache(rule, { source, target, name }) {
      if (rule === undefined || rule.cacheTag === '') return undefined
      const { RemoteCache } = await import('../cache/remote-cache.ts')
      const { openLayerCache } = await import('./layer-cache.ts')
      const { cacheSize: size, cacheVersion: version, cacheKey: key } = config.provider
      const log = (components.log ?? silentLog).child({ module: 'converter' })
      const tag = rule.cacheTag
      const init = { source, target, tag, name: `${name}:${tag}`, version, size, log }
      return openLayerCache(new RemoteCache({ ...init, ...(key ? { key } : {}) }), {
        blobs: source,
        log,
      })
    },
    rule(name) {
      const found = rules.find((rule) => rule.name === name)
      if (found !== undefined) return found
      throw new AccelError('CONFIG_RULE_UNKNOWN', { name, known: rules.map((rule) => rule.name) })
    },
  }
}

function converterOf(
  config: Config,
  rule: RuleConfig | undefined,
  parts: LayerParts,
  note: (text: string) => unknown,
): Converter {
  const { driver: common, platforms, harborAnnotation, verify, growthWarning } = config.converter
  const chosen = rule === undefined || rule.driver.type === '' ? common : rule.driver
  const driver = driverNamed(chosen.type)
  const configured = driver.configure(chosen.config)
  for (const text of configured.notes ?? []) note(text)
  const withReferrer = configured.withReferrer || harborAnnotation
  const wanted = parsePlatforms(rule?.platforms || platforms)
  return createConverter(parts, {
    driver,
    configured: { ...configured, withReferrer },
    platforms: wanted,
    recipe: recipeOf([driver.name, driver.version, chosen.config, withReferrer, wanted]),
    annotate: true,
    verify,
    growthWarning,
  })
}

/** A text that is equal for what makes equal results. */
function recipeOf(parts: readonly unknown[]): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return digestOf(JSON.stringify(parts, sorted))
}
