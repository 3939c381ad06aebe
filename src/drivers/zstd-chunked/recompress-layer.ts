import { AccelError } from '../../errors/accel-error.ts'
import { slabSizeFor } from '../../formats/deflate/slab-size.ts'
import { layerType } from '../../oci/media-type.ts'
import { noContent } from '../content-table.ts'
import type { DriverContext, LayerInput } from '../driver.ts'
import type { LayerResult } from '../layer-result.ts'
import { withoutLazyFormats, zstdTypeOf } from '../estargz/convert-layer.ts'
import { RECOMPRESS_JOB } from './jobs.ts'
import { FRAME_SIZE, type RecompressJobData, type RecompressJobResult } from './recompress-job.ts'

/** Compresses one layer anew with zstd; its tar, and so its diffID, stays. */
export async function recompressLayer(
  layer: LayerInput,
  context: DriverContext,
  level: number,
): Promise<LayerResult> {
  const { what, descriptor, diffId } = layer
  const type = layerType(descriptor.mediaType)
  if (type === undefined) {
    throw new AccelError('IMAGE_MEDIA_TYPE_UNSUPPORTED', { what, mediaType: descriptor.mediaType })
  }
  const { compression } = type
  const { ingestPath, list } = context
  const data: RecompressJobData = { what, diffId, compression, level, ingestPath, list }
  const made = await context.threads.run<RecompressJobResult>({
    what,
    call: { module: RECOMPRESS_JOB, data },
    open: (signal) => layer.open(signal),
    slabSize: slabSizeFor(FRAME_SIZE),
    signal: context.signal,
    onProgress: (consumed, written) => context.progress(consumed, written),
  })
  const annotations = withoutLazyFormats(descriptor.annotations)
  return {
    descriptor: {
      mediaType: zstdTypeOf(type),
      digest: made.digest,
      size: made.size,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    diffId: made.diffId,
    uncompressedSize: made.uncompressedSize,
    sourceUncompressedSize: made.uncompressedSize,
    warnings: made.warnings,
    // Nothing is asked of the layers below, so nobody asks this one.
    content: noContent(),
    entries: 0,
    ...(made.listing === undefined ? {} : { listing: made.listing }),
  }
}
