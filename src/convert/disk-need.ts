import type { SourceImage } from './source-image.ts'

/** A converted layer is about as large as its source; a weaker compression and what is kept beside it are allowed for. */
const OF_COMPRESSED = 1.5
/** What is known of a layer, and small files of the image. */
const A_LAYER = 1024 * 1024

/** Bytes that the conversion of `images` may need in the work directory at once; each layer counts once. */
export function diskNeed(images: readonly SourceImage[]): number {
  const layers = new Map(
    images.flatMap(({ manifest }) => manifest.layers.map(({ digest, size }) => [digest, size])),
  )
  let bytes = 0
  for (const size of layers.values()) bytes += Math.ceil(size * OF_COMPRESSED) + A_LAYER
  return bytes
}
