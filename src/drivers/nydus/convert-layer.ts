import { AccelError } from '../../errors/accel-error.ts'
import { chunkSlabSize } from '../../formats/nydus-blob/chunk-stream.ts'
import { layerType } from '../../oci/media-type.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import { noContent } from '../content-table.ts'
import type { DriverContext, LayerInput } from '../driver.ts'
import type { LayerResult } from '../layer-result.ts'
import { BLOB_ANNOTATION, NYDUS_BLOB } from './annotation.ts'
import type { LayerJobData, LayerJobResult } from './layer-job.ts'
import type { NydusFormat } from './options.ts'

const LAYER_JOB = moduleBeside(import.meta.url, './layer-job')

/** How layers are converted. */
export interface LayerOptions {
  format: NydusFormat
  /** Absolute paths. */
  prefetch: string[]
  /** Files of bootstraps whose chunks are not stored again. */
  dictionary: string[]
}

/**
 * Makes the Nydus blob of one layer on the threads of `context`. A layer has no questions: what depends on the layers
 * below is resolved when they are merged. Throws CONTENT_…, FORMAT_…, IMAGE_…, DRIVER_…, STORE_….
 */
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
  const { format, prefetch, dictionary } = options
  const { compression } = type
  const { ingestPath, list } = context
  const data: LayerJobData = {
    what,
    compression,
    diffId,
    ingestPath,
    list,
    format,
    prefetch,
    dictionary,
  }
  const made = await context.threads.run<LayerJobResult>({
    what,
    call: { module: LAYER_JOB, data },
    open: (signal) => layer.open(signal),
    slabSize: chunkSlabSize(format),
    signal: context.signal,
    onProgress: (consumed, written) => context.progress(consumed, written),
  })
  const { digest, size, detail, warnings, entries, sourceUncompressedSize } = made
  return {
    descriptor: {
      mediaType: NYDUS_BLOB,
      digest,
      size,
      annotations: { [BLOB_ANNOTATION]: 'true' },
    },
    diffId: digest,
    uncompressedSize: size,
    sourceUncompressedSize,
    warnings,
    content: noContent(),
    entries,
    detail,
    ...(made.listing === undefined ? {} : { listing: made.listing }),
  }
}
