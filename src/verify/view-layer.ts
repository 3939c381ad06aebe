import type { InflatedLayer } from '../drivers/estargz/inflated-layer.ts'
import { TOC_DIGEST_ANNOTATION } from '../formats/estargz/layout.ts'
import type { LayerView } from '../formats/listing/layer-view.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import { layerKind } from './layer-kind.ts'
import type { LazyLayerJobData, LazyLayerJobResult } from './lazy-layer-job.ts'
import { MEMBER_SLABS } from './slab-size.ts'

const LAZY_LAYER = moduleBeside(import.meta.url, './lazy-layer-job')

/** A converted layer: the file of its blob, whose digest and size are known to be right. */
export interface ViewedLayer {
  what: string
  descriptor: Descriptor
  path: string
  /** What came out of it while it was made, where that is known; then its data is not inflated again. */
  inflated?: InflatedLayer | undefined
}

/**
 * Reads a layer as its readers do, on a layer thread; undefined where its format cannot be read layer by layer.
 * `source` is what the layer holds that it was made of, where that is known. Throws FORMAT_…, CONTENT_….
 */
export async function viewLayer(
  { what, descriptor, path, inflated }: ViewedLayer,
  source: ListingData | undefined,
  { threads, signal }: { threads: ThreadPool; signal: AbortSignal },
): Promise<LayerView | undefined> {
  const format = layerKind(descriptor)
  if (format !== 'estargz' && format !== 'zstd-chunked') return undefined
  const { annotations } = descriptor
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  const data: LazyLayerJobData = {
    what,
    path,
    format,
    inflated,
    ...(annotations === undefined ? {} : { annotations }),
    ...(tocDigest === undefined ? {} : { tocDigest }),
  }
  const { lazy, ordinary, ...rest } = await threads.run<LazyLayerJobResult>({
    what,
    call: { module: LAZY_LAYER, data },
    open: async function* nothing() {},
    slabSize: MEMBER_SLABS,
    signal,
  })
  return {
    ...rest,
    ...(isSame(lazy, source) ? {} : { lazy }),
    ...(isSame(ordinary, source) ? {} : { ordinary }),
  }
}

function isSame({ bytes }: ListingData, source: ListingData | undefined): boolean {
  return source !== undefined && Buffer.compare(bytes, source.bytes) === 0
}
