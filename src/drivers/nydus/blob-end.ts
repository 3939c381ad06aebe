import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import type { BlobWriter, StoredBootstrap } from '../../formats/nydus-blob/blob-writer.ts'
import { parseDigest, type Digest } from '../../oci/digest.ts'
import type { RafsVersion } from './rafs.ts'

/** What a blob is. */
export interface FinishedBlob {
  digest: Digest
  size: number
}

/** A blob under way, and where its bytes go. */
export interface OpenBlob {
  blob: BlobWriter
  /** Valid during the call. */
  write(bytes: Uint8Array): void
}

/**
 * Ends the blob of a layer with the bootstrap of that layer and, in v6, the table of contents. v6 stores the bootstrap in
 * one zstd frame, v5 as it is; it is made and compressed in pieces.
 */
export async function endWithBootstrap(
  { blob, write }: OpenBlob,
  version: RafsVersion,
  bootstrap: { size: number; pieces(): Iterable<Uint8Array> },
): Promise<FinishedBlob> {
  const uncompressedSize = bootstrap.size
  const hash = createHash('sha256')
  const hashed = function* (): Generator<Uint8Array> {
    for (const piece of bootstrap.pieces()) {
      hash.update(piece)
      yield piece
    }
  }
  const start = blob.position
  const emit = (bytes: Uint8Array): void => {
    blob.bootstrap(bytes)
    write(bytes)
  }
  const compressor: StoredBootstrap['compressor'] = version === 6 ? 'zstd' : 'none'
  if (compressor === 'none') for (const piece of hashed()) emit(piece)
  else {
    const zstd = createZstdCompress({ pledgedSrcSize: uncompressedSize })
    await pipeline(Readable.from(hashed()), zstd, async (stored: AsyncIterable<Uint8Array>) => {
      for await (const bytes of stored) emit(bytes)
    })
  }
  const size = blob.position - start
  const uncompressedDigest = hash.digest()
  write(blob.endBootstrap({ compressor, size, uncompressedSize, uncompressedDigest }))
  if (version === 6) write(blob.toc().bytes)
  const digest = parseDigest(`sha256:${Buffer.from(blob.digest()).toString('hex')}`)
  return { digest, size: blob.position }
}
