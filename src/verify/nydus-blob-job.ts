/** What a layer thread does to read back all chunks of a Nydus blob. */
import { openFile } from '../drivers/file-source.ts'
import { isAccelError } from '../errors/accel-error.ts'
import {
  COMPRESSORS,
  DIGESTERS,
  type Compressor,
  type Digester,
} from '../formats/nydus-blob/algorithm.ts'
import { BlobReader } from '../formats/nydus-blob/blob-reader.ts'
import { OWN_BLOB_ID } from '../formats/rafs-v6/blob-entry.ts'
import { readTables } from '../formats/rafs-v6/tables.ts'
import type { BatchHost } from '../threads/batch-host.ts'
import { checkChunks } from './check-chunks.ts'
import { openChunkTables } from './nydus-chunks.ts'

export interface NydusBlobJobData {
  /** Names the layer in messages. */
  what: string
  /** File of the blob. */
  path: string
}

/** How its chunks are stored and named; undefined where one is not as its tables say, or they cannot be read without the image. */
export type NydusBlobJobResult = { compressor: Compressor; digester: Digester } | undefined

/**
 * Holds each chunk to the digest array. What is wrong is not said here: who reads the image then reads the blob for
 * each file, and names the file.
 */
export async function run(
  { what, path }: NydusBlobJobData,
  host: BatchHost,
): Promise<NydusBlobJobResult> {
  using file = openFile(path, what)
  try {
    const blob = await BlobReader.open(file, what)
    const bootstrap = blob.toc && (await blob.bootstrap())
    if (bootstrap === undefined) return undefined
    const own = readTables(bootstrap, what).blobs.find(({ blobId }) => blobId === OWN_BLOB_ID)
    // Encrypted, its key is in the image's bootstrap.
    if (own === undefined || own.cipher !== 0) return undefined
    const { table, digests } = await openChunkTables(file, what)
    if (digests === undefined) return undefined
    const compressor = COMPRESSORS[own.compressor]!
    const digester = DIGESTERS[own.digester]!
    const good = await checkChunks(host, { file, compressor, digester, table, digests })
    return good ? { compressor, digester } : undefined
  } catch (error) {
    if (isAccelError(error) && error.code.startsWith('FORMAT_')) return undefined
    throw error
  }
}
