import type { SourceImage } from '../convert/source-image.ts'
import type { Digest } from '../oci/digest.ts'
import type { EstimatedFormat } from './format.ts'
import type { LayerEstimate } from './layer-estimate.ts'

/**
 * The share of an image's data that containers read to start, over 57 of Docker's most pulled images. Source: Harter et
 * al., "Slacker", FAST '16, section 4.2.
 */
export const READ_SHARE = 0.064

/** What is read of an image lies in large files for the most part, such as libraries. Bytes of one. */
const PIECE = 1024 * 1024

/** What of a layer is read before a container runs. */
export interface LayerNeed {
  /** Files, or parts of files, that lie apart from each other. */
  pieces: number
  /** Uncompressed bytes, where files are fetched by chunks of `chunkSize`. */
  bytes(chunkSize: number): number
}

/** What of each layer is read before a container runs. */
export type Need = ReadonlyMap<Digest, LayerNeed>

/** The field's share of each layer, where nothing better is known. */
export function sharedNeed(
  { manifest }: SourceImage,
  layers: ReadonlyMap<Digest, LayerEstimate>,
): Need {
  return new Map(
    manifest.layers.map(({ digest }): [Digest, LayerNeed] => {
      const bytes = (layers.get(digest)?.fileBytes ?? 0) * READ_SHARE
      return [digest, { pieces: bytes / PIECE, bytes: () => bytes }]
    }),
  )
}

/** What a lazy client pulls of an image before a container starts, in bytes as stored. */
export interface LazyBytes {
  /** What says where files are: tables of contents, or the bootstrap. */
  index: number
  files: number
}

/** Uncompressed bytes that a reader of a layer that stays where it is fetches together, about. See ContextCutter. */
const CONTEXT = 1024 * 1024

/**
 * What a lazy client pulls: all that says where files are, and of each layer what is needed, as far as it is compressed on
 * average. What snapshotters fetch besides, ahead of the reads, does not hold up a start and is left out.
 */
export function lazyBytes(
  { manifest }: SourceImage,
  layers: ReadonlyMap<Digest, LayerEstimate>,
  { name, maker }: Pick<EstimatedFormat, 'name' | 'maker'>,
  need: Need,
): LazyBytes {
  const bytes: LazyBytes = { index: manifest.config.size, files: 0 }
  for (const { digest, size } of new Map(
    manifest.layers.map((one) => [one.digest, one]),
  ).values()) {
    const layer = layers.get(digest)
    const own = layer?.made.get(name)
    const made = own ?? layer?.made.get('nydus')
    if (layer === undefined || made === undefined || made.kept !== undefined) {
      bytes.files += size
      continue
    }
    bytes.index += made.indexSize + made.imageSize
    const wanted = need.get(digest)
    if (wanted === undefined || layer.tar === 0) continue
    const stays = name === 'oci_ref' && own !== undefined
    const read = wanted.bytes(maker.format.chunkSize)
    const fetched = stays ? contextBytes(read, wanted.pieces, layer.tar) : read
    bytes.files += (stays ? size : made.size - made.indexSize) * Math.min(1, fetched / layer.tar)
  }
  return { index: Math.round(bytes.index), files: Math.round(bytes.files) }
}

/**
 * Bytes of the contexts that `pieces` with `bytes` together lie in, of a layer of `tar` bytes: each is inflated from the
 * beginning of one. They are thought to lie anywhere, so that the more of them there are the more share one.
 */
function contextBytes(bytes: number, pieces: number, tar: number): number {
  const contexts = Math.max(1, tar / CONTEXT)
  const hits = pieces + bytes / CONTEXT
  return tar * (1 - (1 - 1 / contexts) ** hits)
}
