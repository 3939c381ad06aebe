import type { SourceImage } from '../convert/source-image.ts'
import type { Digest } from '../oci/digest.ts'
import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'

/** What images become in one format, in bytes. */
export interface ImageSize {
  /** Configs, layers and bootstraps. */
  made: number
  /** Layers of the source that belong to the result and are in the registry already. */
  kept: number
  /** Each layer that is made, once. */
  layers: Map<Digest, number>
  /** The bootstraps of the images. */
  bootstraps: number
}

/** Adds up what `images` become, each layer once. */
export function sizeInFormat(
  images: readonly SourceImage[],
  layers: ReadonlyMap<Digest, LayerEstimate>,
  format: FormatName,
): ImageSize {
  const size: ImageSize = { made: 0, kept: 0, layers: new Map(), bootstraps: 0 }
  const kept = new Map<Digest, number>()
  for (const { manifest } of images) {
    size.made += manifest.config.size
    for (const { digest, size: stored } of new Map(
      manifest.layers.map((one) => [one.digest, one]),
    ).values()) {
      const estimate = layers.get(digest)
      if (estimate === undefined) {
        kept.set(digest, stored)
        continue
      }
      const own = estimate.made.get(format)
      const made = own ?? estimate.made.get('nydus')
      if (format === 'oci_ref' && own !== undefined) kept.set(digest, stored)
      if (made?.kept !== undefined) kept.set(digest, stored)
      else size.layers.set(digest, made?.size ?? 0)
      size.bootstraps += made?.imageSize ?? 0
    }
  }
  const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0)
  size.kept = sum(kept.values())
  size.made += sum(size.layers.values()) + size.bootstraps
  return size
}
