import { AccelError } from '../errors/accel-error.ts'
import { CHUNK_CHECK, type CheckedBlob } from '../formats/nydus-blob/checked-blob.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { RefLayerJobData, RefLayerJobResult } from './ref-layer-job.ts'
import { MAX_NAMED, problemLines, emptyReport } from './report.ts'
import type { ViewedLayer } from './view-layer.ts'

const REF_LAYER = moduleBeside(import.meta.url, './ref-layer-job')

/** A layer that stays where it is: `path` is the blob that says how to read it, `layer` a file of its own bytes. */
export interface RefLayer extends ViewedLayer {
  layer: string
}

/**
 * Reads back all chunks of a layer that stays where it is, on a layer thread. Throws IMAGE_VERIFY_FAILED, which names the
 * files, where one is not what its digest says, FORMAT_…, STORE_….
 */
export async function checkRefLayer(
  { what, descriptor, path, layer }: RefLayer,
  { threads, signal }: { threads: ThreadPool; signal: AbortSignal },
): Promise<CheckedBlob> {
  const data: RefLayerJobData = { what, path, layer }
  const { findings, count, compressor, digester } = await threads.run<RefLayerJobResult>({
    what,
    call: { module: REF_LAYER, data },
    open: async function* nothing() {},
    slabSize: { input: 0, output: 0 },
    signal,
  })
  if (count > 0) {
    const first = problemLines({ ...emptyReport(), findings }).slice(0, MAX_NAMED)
    throw new AccelError('IMAGE_VERIFY_FAILED', { what, count, first })
  }
  return { digest: descriptor.digest, check: CHUNK_CHECK, compressor, digester }
}
