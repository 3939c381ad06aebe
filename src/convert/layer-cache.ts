import type { PlatformRecords } from '../cache/cache-image.ts'
import type { CacheRecord } from '../cache/record.ts'
import type { RemoteCache } from '../cache/remote-cache.ts'
import type { LayerConverter, LayerInput } from '../drivers/driver.ts'
import { isAccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import type { Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import type { ConvertedImage } from './push-result.ts'
import {
  recipeOf,
  recordOf,
  recoverLayer,
  type ImageCache,
  type RecoveredLayer,
} from './recover-layer.ts'

/** The remote cache of one conversion. Nothing that goes wrong with it makes the conversion fail. */
export interface LayerCache {
  /** The cache as it is for one image, whose layers `converter` makes. */
  forImage(platform: Platform, converter: LayerConverter, signal: AbortSignal): Promise<ImageCache>
  /** Remembers the layers of images that were pushed. */
  write(images: readonly ConvertedImage[], signal: AbortSignal): Promise<void>
}

/** Uses `cache`; `blobs` is its repository. */
export function openLayerCache(
  cache: RemoteCache,
  { blobs, log }: { blobs: ImageSource; log: Log },
): LayerCache {
  return {
    async forImage(platform, converter, signal) {
      const records = await cache.read(platform, signal)
      const byLayer = new Map<string, CacheRecord>()
      for (const record of records) {
        const id = `${record.source} ${record.recipe ?? ''}`
        if (!byLayer.has(id)) byLayer.set(id, record)
      }
      return {
        recover: (layer, init) => recover(layer, converter, byLayer, { blobs, log }, init),
      }
    },
    async write(images, signal) {
      const additions = images.flatMap(recordsOf)
      if (additions.length === 0) return
      try {
        await cache.write(additions, signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn(`the cache ${cache.name} could not be written`, { error })
      }
    },
  }
}

async function recover(
  layer: LayerInput,
  converter: LayerConverter,
  records: ReadonlyMap<string, CacheRecord>,
  { blobs, log }: { blobs: ImageSource; log: Log },
  init: Parameters<ImageCache['recover']>[1],
): Promise<RecoveredLayer | undefined> {
  const { descriptor, what } = layer
  // A layer that was converted for what lies below it is no other image's.
  if (layer.lower !== undefined) return undefined
  const own = records.get(`${descriptor.digest} ${recipeOf(converter.key, descriptor)}`)
  const foreign =
    converter.foreignProblem === undefined ? undefined : records.get(`${descriptor.digest} `)
  const record = own ?? foreign
  if (record === undefined) return undefined
  try {
    const result = await recoverLayer(record, layer, blobs, init)
    if (own !== undefined) return { result, record }
    const problem = await converter.foreignProblem?.(init.path, what)
    // Whoever made it, it stays theirs.
    if (problem === undefined) return { result: { ...result, unshared: true }, record }
    log.warn(`${what} is converted, the blob in the cache cannot stand for it: ${problem}`)
  } catch (error) {
    init.signal.throwIfAborted()
    if (!isAccelError(error)) throw error
    log.warn(`${what} is converted again, the cache's record of it cannot be used`, { error })
  }
  return undefined
}

/** What is remembered of an image: its layers whose blobs are in its own repository. */
function recordsOf({ image, layers, finished, key }: ConvertedImage): PlatformRecords[] {
  const pushed = new Set<Digest>(
    finished.manifests.flatMap((manifest) =>
      manifest.layers.flatMap(({ descriptor, store }) =>
        store === undefined ? [descriptor.digest] : [],
      ),
    ),
  )
  const records = layers.flatMap(({ value: { result, refined, record } }, i) => {
    const source = image.manifest.layers[i]!
    if (record !== undefined) return record
    if (refined === true || !pushed.has(result.descriptor.digest)) return []
    return recordOf(source, result, recipeOf(key, source)) ?? []
  })
  return records.length === 0 ? [] : [{ platform: image.platform, records }]
}
