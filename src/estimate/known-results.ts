import type { CacheRecord } from '../cache/record.ts'
import { RemoteCache } from '../cache/remote-cache.ts'
import type { Config } from '../config/schema.ts'
import { layerKey } from '../convert/convert-layers.ts'
import type { End } from '../convert/ends.ts'
import { recipeOf } from '../convert/recover-layer.ts'
import type { SourceImage } from '../convert/source-image.ts'
import type { Log } from '../log/log.ts'
import type { Digest } from '../oci/digest.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import { openKnownLayers } from '../store/known-layers.ts'
import type { EstimatedFormat } from './format.ts'
import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'

/** A layer that was converted before, in one format. */
export interface KnownResult {
  /** Bytes of its blob. */
  size: number
  /** The registry of the result has it: it need not be pushed. */
  placed: boolean
}

/** Layers that were converted before, by format and by digest of the source. */
export type KnownResults = ReadonlyMap<FormatName, ReadonlyMap<Digest, KnownResult>>

export interface KnownInit {
  images: readonly SourceImage[]
  formats: readonly EstimatedFormat[]
  config: Config
  /** Where the source is, and, without another wish, the result. Undefined for images of the local disk. */
  place:
    | { reference: NonNullable<End<unknown>['reference']>; repository: RegistryRepository }
    | undefined
  log: Log
  signal: AbortSignal
}

/**
 * Looks for results of layers in `work_dir` and in the caches of all rules, as a conversion would. Throws what reading a cache
 * throws when `signal` aborts; else a cache that cannot be read is none.
 */
export async function findKnownResults(init: KnownInit): Promise<KnownResults> {
  const { images, formats, config, place } = init
  using store = openKnownLayers(config.provider.workDir)
  const records = await cachedLayers(init)
  const known = new Map<FormatName, Map<Digest, KnownResult>>()
  for (const { name, configured } of formats) {
    const own = new Map<Digest, KnownResult>()
    known.set(name, own)
    // what is made with a dictionary is known only when that was read
    if (configured.prepare !== undefined) continue
    const { layers } = configured
    for (const { manifest, config: image } of images) {
      for (const [i, descriptor] of manifest.layers.entries()) {
        const diffId = image.rootfs.diff_ids[i]!
        const key = await layerKey(layers, { descriptor, diffId }, config.converter.verify)
        const stored = store.find(key, place?.reference.host)
        const cached = records.get(`${descriptor.digest} ${recipeOf(layers.key, descriptor)}`)
        const size = cached?.target.size ?? stored?.size
        const placed = cached !== undefined || stored?.placed === true
        if (cached !== undefined || stored !== undefined) {
          own.set(descriptor.digest, { size: size ?? descriptor.size, placed })
        }
      }
    }
  }
  return known
}

/** The layers, of which those that were converted before in a format are known exactly. */
export function withKnown(
  layers: ReadonlyMap<Digest, LayerEstimate>,
  format: FormatName,
  known: ReadonlyMap<Digest, KnownResult>,
): ReadonlyMap<Digest, LayerEstimate> {
  const all = new Map(layers)
  for (const [digest, { size }] of known) {
    const layer = layers.get(digest)
    const made = layer?.made.get(format)
    if (layer === undefined || made === undefined) continue
    all.set(digest, {
      ...layer,
      whole: true,
      made: new Map(layer.made).set(format, { ...made, size }),
    })
  }
  return all
}

/** Records of the caches of all rules in the repository of the source, by source digest and recipe. */
async function cachedLayers({
  images,
  config,
  place,
  log,
  signal,
}: KnownInit): Promise<Map<string, CacheRecord>> {
  const found = new Map<string, CacheRecord>()
  if (place === undefined) return found
  const { cacheSize: size, cacheVersion: version, cacheKey: key } = config.provider
  const tags = new Set(
    config.converter.rules.map(({ cacheTag }) => cacheTag).filter((tag) => tag !== ''),
  )
  for (const tag of tags) {
    const { repository } = place
    const name = `${repository.name}:${tag}`
    const cache = new RemoteCache({
      source: repository,
      target: repository,
      tag,
      name,
      version,
      size,
      log,
      ...(key ? { key } : {}),
    })
    for (const { platform } of images) {
      for (const record of await cache.read(platform, signal)) {
        found.set(`${record.source} ${record.recipe ?? ''}`, record)
      }
    }
  }
  return found
}
