import {
  TOC_DIGEST_ANNOTATION,
  UNCOMPRESSED_SIZE_ANNOTATION,
} from '../../formats/estargz/layout.ts'
import { estargzSlabSize } from '../../formats/estargz/write.ts'
import { AccelError } from '../../errors/accel-error.ts'
import {
  DOCKER_FOREIGN_LAYER_GZIP,
  DOCKER_LAYER_GZIP,
  layerType,
  OCI_LAYER_GZIP,
  OCI_NONDISTRIBUTABLE_GZIP,
} from '../../oci/media-type.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import { layerContent } from '../content-table.ts'
import type { DriverContext, LayerInput, LayerResult } from '../driver.ts'
import type { LayerJobData, LayerJobResult } from './layer-job.ts'
import type { EstargzOptions } from './options.ts'

const LAYER_JOB = moduleBeside(import.meta.url, './layer-job')

/** Converts one layer on the threads of `context`. */
export async function convertLayer(
  layer: LayerInput,
  context: DriverContext,
  options: EstargzOptions,
): Promise<LayerResult> {
  const { what, descriptor, diffId } = layer
  const type = layerType(descriptor.mediaType)
  if (type === undefined) {
    throw new AccelError('IMAGE_MEDIA_TYPE_UNSUPPORTED', { what, mediaType: descriptor.mediaType })
  }
  const data: LayerJobData = {
    what,
    diffId,
    ingestPath: context.ingestPath,
    format: options.format,
    lower: layer.lower,
    prioritized: options.prioritized,
  }
  const made = await context.threads.run<LayerJobResult>({
    what,
    call: { module: LAYER_JOB, data },
    open: (signal) => layer.open(signal),
    slabSize: estargzSlabSize(options.format),
    signal: context.signal,
    onProgress: (consumed, written) => context.progress(consumed, written),
  })
  const { blob, kept, warnings, entries, sourceUncompressedSize } = made
  const common = {
    warnings,
    entries,
    sourceUncompressedSize,
    content: layerContent(made.content, made.questions),
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
  return {
    ...common,
    descriptor: {
      // The result is gzip, whatever the source was.
      mediaType: mediaTypeOf(type),
      digest: blob.digest,
      size: blob.size,
      annotations: {
        ...withoutZstdChunked(descriptor.annotations),
        [TOC_DIGEST_ANNOTATION]: blob.tocDigest,
        [UNCOMPRESSED_SIZE_ANNOTATION]: String(blob.uncompressedSize),
      },
    },
    diffId: blob.diffId,
    uncompressedSize: blob.uncompressedSize,
  }
}

function mediaTypeOf(source: { docker: boolean; foreign: boolean }): string {
  if (source.foreign) return source.docker ? DOCKER_FOREIGN_LAYER_GZIP : OCI_NONDISTRIBUTABLE_GZIP
  return source.docker ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP
}

/** What a zstd:chunked source said of itself: podman refuses an image whose layer claims to be both. */
function withoutZstdChunked(annotations: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([key]) => !/^io\.(github\.)?containers\.zstd-chunked\./.test(key),
    ),
  )
}
