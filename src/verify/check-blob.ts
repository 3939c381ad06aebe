import { CHUNK_CHECK, type CheckedBlob } from '../formats/nydus-blob/checked-blob.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import { layerKind } from './layer-kind.ts'
import type { NydusBlobJobData, NydusBlobJobResult } from './nydus-blob-job.ts'
import { CHECK_SLABS } from './slab-size.ts'
import type { ViewedLayer } from './view-layer.ts'

const NYDUS_BLOB = moduleBeside(import.meta.url, './nydus-blob-job')

/**
 * Reads back all chunks of the Nydus blob of a layer, on all threads. Undefined where that is not possible without the
 * image's bootstrap (RAFS v5, encrypted), where the layer is no such blob, and where something is wrong with it: it is
 * read again with the image then, which names the files. Throws STORE_….
 */
export async function checkBlob(
  { what, descriptor, path }: ViewedLayer,
  { threads, signal }: { threads: ThreadPool; signal: AbortSignal },
): Promise<CheckedBlob | undefined> {
  const { digest } = descriptor
  if (layerKind(descriptor) !== 'nydus-blob') return undefined
  const data: NydusBlobJobData = { what, path }
  const found = await threads.run<NydusBlobJobResult>({
    what,
    call: { module: NYDUS_BLOB, data },
    open: async function* nothing() {},
    slabSize: CHECK_SLABS,
    signal,
  })
  return found && { ...found, digest, check: CHUNK_CHECK }
}
