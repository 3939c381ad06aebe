import type { PlatformRecords } from '../cache/cache-image.ts'
import type { CacheRecord } from '../cache/record.ts'
import type { RemoteCache } from '../cache/remote-cache.ts'
import type { LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { isAccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { layerKind } from '../verify/layer-kind.ts'
import type { ConvertedImage } from './push-result.ts'
import { recipeOf, recordOf, recoverLayer, type ImageCache } from './recover-layer.ts'

/** The remote cache of one conversion. Nothing that goes wrong with it makes the conversion fail. */
export interface LayerCache {
  /** The cache as it is for one image; `key` is that of its layers' converter. */
  forImage(platform: Platform, key: string, signal: AbortSignal): Promise<ImageCache>
  /** Remembers the layers of images that were pushed. */
  write(images: readonly ConvertedImage[], signal: AbortSignal): Promise<void>
}

/** Uses `cache`; `blobs` is its repository. `driver` decides what records of upstream mean: they are Nydus blobs. */
export function openLayerCache(
  cache: RemoteCache,
  { blobs, driver, log }: { blobs: ImageSource; driver: string; log: Log },
): LayerCache {
  return {
    async forImage(platform, key, signal) {
      const records = await cache.read(platform, signal)
      const byLayer = new Map<string, CacheRecord>()
      for (const record of records) {
        const id = `${record.source} ${record.recipe ?? ''}`
        if (!byLayer.has(id)) byLayer.set(id, record)
      }
      return {
        recover: (layer, init) => recover(layer, key, byLayer, { blobs, driver, log }, init),
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
  key: string,
  records: ReadonlyMap<string, CacheRecord>,
  { blobs, driver, log }: { blobs: ImageSource; driver: string; log: Log },
  init: Parameters<ImageCache['recover']>[1],
): Promise<LayerResult | undefined> {
  const { descriptor, what } = layer
  // A layer that was converted for what lies below it is no other image's.
  if (layer.lower !== undefined) return undefined
  const own = records.get(`${descriptor.digest} ${recipeOf(key, descriptor)}`)
  const upstreams = driver === 'nydus' ? records.get(`${descriptor.digest} `) : undefined
  const record = own ?? (upstreams && isNydus(upstreams.target) ? upstreams : undefined)
  if (record === undefined) return undefined
  try {
    return await recoverLayer(record, layer, blobs, init)
  } catch (error) {
    init.signal.throwIfAborted()
    if (!isAccelError(error)) throw error
    log.warn(`${what} is converted again, the cache's record of it cannot be used`, { error })
    return undefined
  }
}

function isNydus({ mediaType, annotations }: Descriptor): boolean {
  return layerKind({ mediaType, annotations } as Descriptor) === 'nydus-blob'
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
  const records = layers.flatMap(({ value: { result, refined } }, i) => {
    const source = image.manifest.layers[i]!
    if (refined === true || !pushed.has(result.descriptor.digest)) return []
    return recordOf(source, result, recipeOf(key, source)) ?? []
  })
  return records.length === 0 ? [] : [{ platform: image.platform, records }]
}
