import type { SourceImage } from '../convert/source-image.ts'
import type { Digest } from '../oci/digest.ts'
import type { EstimatedFormat, LayerMaker } from './format.ts'
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
  /** Uncompressed bytes, where files are fetched by chunks of `chunkSize`. */
  bytes(chunkSize: number): number
  /** Runs of `size` uncompressed bytes that the files touch, where no two share one. */
  runs(size: number): number
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
      return [digest, { bytes: () => bytes, runs: (size) => bytes / size + bytes / PIECE }]
    }),
  )
}

/** What a lazy client pulls of an image before a container starts, in bytes as stored. */
export interface LazyBytes {
  /** What says where files are: tables of contents, or the bootstrap. */
  index: number
  files: number
}

/** Uncompressed bytes of a context of a layer that stays where it is, on average: a reader fetches all of one. See ContextCutter. */
const CONTEXT = 1.5 * 1024 * 1024
/** Stored bytes to which nydusd extends each request in v6. Source: nydus api/src/config.rs (default_user_io_batch_size). */
const REQUEST = 1024 * 1024

/**
 * What a lazy client pulls: all that says where files are, and of each layer what is needed, as far as it is compressed on
 * average, with what the readers of the format fetch along. What snapshotters fetch in the background does not hold up a
 * start and is left out.
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
    if (wanted === undefined || layer.fileBytes === 0) continue
    const stays = name === 'oci_ref' && own !== undefined
    const stored = stays ? size : made.size - made.indexSize
    const run = runOf(stays, maker, layer.fileBytes / stored)
    const fetched =
      run === undefined
        ? wanted.bytes(maker.format.chunkSize)
        : touched(wanted.runs(run) * run, run, layer.fileBytes)
    bytes.files += stored * Math.min(1, fetched / layer.fileBytes)
  }
  return { index: Math.round(bytes.index), files: Math.round(bytes.files) }
}

/** Uncompressed bytes that a reader fetches at least; undefined where it fetches no more than chunks. */
function runOf(stays: boolean, maker: LayerMaker, expansion: number): number | undefined {
  if (stays) return CONTEXT
  return maker.kind !== 'lazy' && maker.format.version === 6 ? REQUEST * expansion : undefined
}

/** Of `all` bytes those in runs that are touched, where `bytes` would be if no two files shared one; they may lie anywhere. */
function touched(bytes: number, run: number, all: number): number {
  const runs = Math.max(1, all / run)
  return all * (1 - (1 - 1 / runs) ** (bytes / run))
}
