import type { SourceImage } from '../convert/source-image.ts'
import type { Digest } from '../oci/digest.ts'
import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'

/**
 * The share of an image's data that containers read to start, over 57 of Docker's most pulled images. Source: Harter et
 * al., "Slacker", FAST '16, section 4.2.
 */
export const READ_SHARE = 0.064

/** What of each layer is read before a container runs: uncompressed bytes. */
export type NeededBytes = ReadonlyMap<Digest, number>

/** The field's share of each layer, where nothing better is known. */
export function sharedNeed(
  { manifest }: SourceImage,
  layers: ReadonlyMap<Digest, LayerEstimate>,
): NeededBytes {
  return new Map(
    manifest.layers.map(({ digest }) => [
      digest,
      (layers.get(digest)?.fileBytes ?? 0) * READ_SHARE,
    ]),
  )
}

/** What a lazy client pulls of an image before a container starts, in bytes as stored. */
export interface LazyBytes {
  /** What says where files are: tables of contents, or the bootstrap. */
  index: number
  files: number
}

/**
 * What a lazy client pulls: all that says where files are, and of each layer what is needed, as far as it is compressed on
 * average. What snapshotters fetch besides, ahead of the reads, does not hold up a start and is left out.
 */
export function lazyBytes(
  { manifest }: SourceImage,
  layers: ReadonlyMap<Digest, LayerEstimate>,
  format: FormatName,
  needed: NeededBytes,
): LazyBytes {
  const bytes: LazyBytes = { index: manifest.config.size, files: 0 }
  for (const { digest, size } of new Map(
    manifest.layers.map((one) => [one.digest, one]),
  ).values()) {
    const layer = layers.get(digest)
    const own = layer?.made.get(format)
    const made = own ?? layer?.made.get('nydus')
    if (layer === undefined || made === undefined || made.kept !== undefined) {
      bytes.files += size
      continue
    }
    bytes.index += made.indexSize + made.imageSize
    const stored = format === 'oci_ref' && own !== undefined ? size : made.size - made.indexSize
    const of = layer.tar === 0 ? 0 : Math.min(1, (needed.get(digest) ?? 0) / layer.tar)
    bytes.files += stored * of
  }
  return { index: Math.round(bytes.index), files: Math.round(bytes.files) }
}
