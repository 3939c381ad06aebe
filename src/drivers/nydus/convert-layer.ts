import { AccelError, isAccelError } from '../../errors/accel-error.ts'
import { chunkSlabSize } from '../../formats/nydus-blob/slab-size.ts'
import { layerType, type Compression } from '../../oci/media-type.ts'
import type { Call } from '../../threads/messages.ts'
import { noContent } from '../content-table.ts'
import type { DriverContext, LayerInput } from '../driver.ts'
import type { LayerResult } from '../layer-result.ts'
import {
  BLOB_ANNOTATION,
  ENCRYPTED_BLOB_ANNOTATION,
  NYDUS_BLOB,
  REF_ANNOTATION,
} from './annotation.ts'
import { LAYER_JOB, REF_JOB } from './jobs.ts'
import type { LayerJobData, LayerJobResult } from './layer-job.ts'
import type { NydusFormat } from './options.ts'
import type { RefJobData } from './ref-job.ts'

/** How layers are converted. */
export interface LayerOptions {
  format: NydusFormat
  /** Absolute paths. */
  prefetch: string[]
  /** Files of bootstraps whose chunks are not stored again. */
  dictionary: string[]
  /** Layers are read where they are, if they can be. */
  ociRef: boolean
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
  const { what, descriptor } = layer
  const type = layerType(descriptor.mediaType)
  if (type === undefined) {
    throw new AccelError('IMAGE_MEDIA_TYPE_UNSUPPORTED', { what, mediaType: descriptor.mediaType })
  }
  const { compression } = type
  if (!options.ociRef) return nativeLayer(layer, compression, context, options)
  try {
    return await refLayer(layer, compression, context, options)
  } catch (error) {
    if (!isAccelError(error, 'ZRAN_LAYER_UNSUITABLE')) throw error
    const native = await nativeLayer(layer, compression, context, options)
    return {
      ...native,
      warnings: [`it gets a Nydus blob: ${error.context.problem}`, ...native.warnings],
    }
  }
}

/** A blob that holds the layer's data. */
async function nativeLayer(
  layer: LayerInput,
  compression: Compression,
  context: DriverContext,
  { format, prefetch, dictionary }: LayerOptions,
): Promise<LayerResult> {
  const { what, diffId } = layer
  const { ingestPath, list } = context
  const source = { what, compression, diffId }
  const data: LayerJobData = { ...source, ingestPath, list, format, prefetch, dictionary }
  const made = await runJob(layer, { module: LAYER_JOB, data }, context, format)
  return resultOf(made, format.encrypted ? { [ENCRYPTED_BLOB_ANNOTATION]: 'true' } : {})
}

/** A blob that says how to read the layer. Throws ZRAN_LAYER_UNSUITABLE where that cannot be done. */
async function refLayer(
  layer: LayerInput,
  compression: Compression,
  context: DriverContext,
  { format }: LayerOptions,
): Promise<LayerResult> {
  const { what, descriptor, diffId } = layer
  const { digest, size } = descriptor
  const { ingestPath, list } = context
  const { chunkSize } = format
  const source = { what, compression, digest, size, diffId }
  const data: RefJobData = { ...source, list, ingestPath, chunkSize }
  const made = await runJob(layer, { module: REF_JOB, data }, context, format)
  return resultOf(made, { [REF_ANNOTATION]: digest })
}

function runJob(
  layer: LayerInput,
  call: Call,
  context: DriverContext,
  format: NydusFormat,
): Promise<LayerJobResult> {
  return context.threads.run<LayerJobResult>({
    what: layer.what,
    call,
    open: (signal) => layer.open(signal),
    slabSize: chunkSlabSize(format),
    signal: context.signal,
    onProgress: (consumed, written) => context.progress(consumed, written),
  })
}

function resultOf(made: LayerJobResult, annotations: Record<string, string>): LayerResult {
  const { digest, size, detail, warnings, entries, sourceUncompressedSize } = made
  return {
    descriptor: {
      mediaType: NYDUS_BLOB,
      digest,
      size,
      annotations: { [BLOB_ANNOTATION]: 'true', ...annotations },
    },
    diffId: digest,
    uncompressedSize: size,
    sourceUncompressedSize,
    warnings,
    content: noContent(),
    entries,
    ...(detail.seal === undefined ? {} : { unshared: true as const }),
    detail,
    ...(made.listing === undefined ? {} : { listing: made.listing }),
  }
}
