import {
  TOC_DIGEST_ANNOTATION,
  UNCOMPRESSED_SIZE_ANNOTATION,
} from '../../formats/estargz/layout.ts'
import {
  CONTAINERS_CHECKSUM_ANNOTATION,
  CONTAINERS_POSITION_ANNOTATION,
  STARGZ_CHECKSUM_ANNOTATION,
  STARGZ_POSITION_ANNOTATION,
  TAR_SPLIT_POSITION_ANNOTATION,
} from '../../formats/zstd-chunked/layout.ts'
import { positionText } from '../../formats/zstd-chunked/footer.ts'
import type { Dialect, ZstdChunkedBlob } from '../../formats/zstd-chunked/write.ts'
import { AccelError } from '../../errors/accel-error.ts'
import {
  DOCKER_FOREIGN_LAYER_GZIP,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_ZSTD,
  layerType,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
  OCI_NONDISTRIBUTABLE_GZIP,
  OCI_NONDISTRIBUTABLE_ZSTD,
} from '../../oci/media-type.ts'
import type { DriverContext, LayerInput } from '../driver.ts'
import type { LayerResult } from '../layer-result.ts'
import { LAYER_JOB } from './jobs.ts'
import type { LayerJobData, LayerJobResult } from './layer-job.ts'
import { slabSizeOf, type LazyBlob, type LazyFormat } from './layer-writer.ts'
import type { PrioritizedPath } from './prioritize.ts'

/** How layers are converted. */
export interface LayerOptions {
  format: LazyFormat
  /** What comes first, in this order. */
  prioritized: PrioritizedPath[]
}

/** Converts one layer on the threads of `context`. */
export async function convertLayer(
  layer: LayerInput,
  context: DriverContext,
  options: LayerOptions,
): Promise<LayerResult> {
  const { what, descriptor, diffId } = layer
  const type = layerType(descriptor.mediaType)
  if (type === undefined) {
    throw new AccelError('IMAGE_MEDIA_TYPE_UNSUPPORTED', { what, mediaType: descriptor.mediaType })
  }
  const data: LayerJobData = {
    what,
    compression: type.compression,
    diffId,
    ingestPath: context.ingestPath,
    list: context.list,
    format: options.format,
    lower: layer.lower,
    prioritized: options.prioritized,
  }
  const made = await context.threads.run<LayerJobResult>({
    what,
    call: { module: LAYER_JOB, data },
    open: (signal) => layer.open(signal),
    slabSize: slabSizeOf(options.format),
    signal: context.signal,
    onProgress: (consumed, written) => context.progress(consumed, written),
  })
  const { blob, kept, warnings, entries, sourceUncompressedSize } = made
  const common = {
    warnings,
    entries,
    sourceUncompressedSize,
    ...(made.listing === undefined ? {} : { listing: made.listing }),
    content: { table: made.content, questions: made.questions },
  }
  if (blob === undefined) {
    return {
      ...common,
      descriptor,
      diffId,
      uncompressedSize: sourceUncompressedSize,
      kept: kept ?? 'it cannot be said in eStargz',
    }
  }
  const { digest, size } = blob
  const mediaType = mediaTypeOf(type, options.format)
  const [annotations, ...others] = annotationsOf(blob, options.format).map((own) => ({
    ...withoutLazyFormats(descriptor.annotations),
    ...own,
  }))
  return {
    ...common,
    descriptor: { mediaType, digest, size, annotations: annotations! },
    ...(others.length === 0
      ? {}
      : { variants: others.map((own) => ({ mediaType, digest, size, annotations: own })) }),
    diffId: blob.diffId,
    uncompressedSize: blob.uncompressedSize,
    indexSize: blob.indexSize,
    ...(made.inflated === undefined ? {} : { inflated: made.inflated }),
  }
}

/** The media type of the result, whatever the source's compression was. */
function mediaTypeOf(source: { docker: boolean; foreign: boolean }, { kind }: LazyFormat): string {
  const { docker, foreign } = source
  if (kind === 'zstd-chunked') return zstdTypeOf(source)
  if (foreign) return docker ? DOCKER_FOREIGN_LAYER_GZIP : OCI_NONDISTRIBUTABLE_GZIP
  return docker ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP
}

/** The media type of a zstd layer made of a source of this type. */
export function zstdTypeOf({ docker, foreign }: { docker: boolean; foreign: boolean }): string {
  if (foreign) return OCI_NONDISTRIBUTABLE_ZSTD
  return docker ? DOCKER_LAYER_ZSTD : OCI_LAYER_ZSTD
}

/** What the layer's descriptor says, in each of the manifests that it is in. */
function annotationsOf(blob: LazyBlob, format: LazyFormat): Record<string, string>[] {
  const stargz = {
    [TOC_DIGEST_ANNOTATION]: blob.tocDigest,
    [UNCOMPRESSED_SIZE_ANNOTATION]: String(blob.uncompressedSize),
  }
  if (format.kind === 'estargz') return [stargz]
  const chunked = blob as ZstdChunkedBlob
  const position = `${positionText(chunked.toc)}:1`
  const all: Record<Dialect, Record<string, string>[]> = {
    stargz: [
      {
        ...stargz,
        [STARGZ_CHECKSUM_ANNOTATION]: chunked.compressedTocDigest,
        [STARGZ_POSITION_ANNOTATION]: position,
      },
    ],
    // What is not right makes the image unusable, what is not there only pulls the layer as a whole.
    containers: [
      chunked.tarSplit === undefined
        ? {}
        : {
            [CONTAINERS_CHECKSUM_ANNOTATION]: chunked.compressedTocDigest,
            [CONTAINERS_POSITION_ANNOTATION]: position,
            [TAR_SPLIT_POSITION_ANNOTATION]: positionText(chunked.tarSplit),
          },
    ],
    both: [],
  }
  return format.dialect === 'both' ? [...all.stargz, ...all.containers] : all[format.dialect]
}

/**
 * The source's annotations but those of lazily readable formats: podman refuses an image whose layer claims to be of
 * two.
 */
export function withoutLazyFormats(
  annotations: Record<string, string> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([key]) =>
        !/^io\.(github\.)?containers\.zstd-chunked\./.test(key) &&
        key !== TOC_DIGEST_ANNOTATION &&
        key !== UNCOMPRESSED_SIZE_ANNOTATION,
    ),
  )
}
