import {
  TOC_DIGEST_ANNOTATION,
  UNCOMPRESSED_SIZE_ANNOTATION,
} from '../../formats/estargz/layout.ts'
import { estargzSlabSize } from '../../formats/estargz/write.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { DOCKER_LAYER_GZIP, layerType, OCI_LAYER_GZIP } from '../../oci/media-type.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
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
  }
  const made = await context.threads.run<LayerJobResult>({
    what,
    call: { module: LAYER_JOB, data },
    open: (signal) => layer.open(signal),
    slabSize: estargzSlabSize(options.format),
    signal: context.signal,
    onProgress: (consumed, written) => context.progress(consumed, written),
  })
  const { blob } = made
  const target: Descriptor = {
    // The result is gzip, whatever the source was.
    mediaType: type.docker ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP,
    digest: blob.digest,
    size: blob.size,
    annotations: {
      ...descriptor.annotations,
      [TOC_DIGEST_ANNOTATION]: blob.tocDigest,
      [UNCOMPRESSED_SIZE_ANNOTATION]: String(blob.uncompressedSize),
    },
  }
  return {
    descriptor: target,
    diffId: blob.diffId,
    uncompressedSize: blob.uncompressedSize,
    sourceUncompressedSize: made.sourceUncompressedSize,
    warnings: made.warnings,
    content: { at: () => undefined, opaque: () => false, rootNames: () => [], questions: [] },
    entries: made.entries,
  }
}
