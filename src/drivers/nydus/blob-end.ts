import { createHash, type Cipheriv } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import type { BlobWriter } from '../../formats/nydus-blob/blob-writer.ts'
import { parseDigest, type Digest } from '../../oci/digest.ts'
import type { RafsVersion } from './rafs.ts'

/** Of zstd: for the records of a bootstrap it takes half as long as the usual 3, and gives 1 to 2 % less. */
const BOOTSTRAP_LEVEL = 1

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
  /** Encrypts the bootstrap; see seal.ts. v6 alone. */
  seal?: Cipheriv | undefined
}

/**
 * Ends the blob of a layer with the bootstrap of that layer and, in v6, the table of contents. v6 stores the bootstrap in
 * one zstd frame, v5 as it is; it is made and compressed in pieces. Of a sealed one the table of contents says what is
 * stored, and nothing of what it is.
 */
export async function endWithBootstrap(
  { blob, write, seal }: OpenBlob,
  version: RafsVersion,
  bootstrap: { size: number; pieces(): Iterable<Uint8Array> },
): Promise<FinishedBlob> {
  const [content, sealed] = [createHash('sha256'), createHash('sha256')]
  const hashed = function* (): Generator<Uint8Array> {
    for (const piece of bootstrap.pieces()) {
      content.update(piece)
      yield piece
    }
  }
  const start = blob.position
  const emit = (bytes: Uint8Array): void => {
    const stored = seal === undefined ? bytes : seal.update(bytes)
    if (seal !== undefined) sealed.update(stored)
    blob.bootstrap(stored)
    write(stored)
  }
  if (version === 5) for (const piece of hashed()) emit(piece)
  else {
    const params = { [constants.ZSTD_c_compressionLevel]: BOOTSTRAP_LEVEL }
    const zstd = createZstdCompress({ pledgedSrcSize: bootstrap.size, params })
    await pipeline(Readable.from(hashed()), zstd, async (frames: AsyncIterable<Uint8Array>) => {
      for await (const frame of frames) emit(frame)
    })
  }
  const size = blob.position - start
  const asStored = version === 5 || seal !== undefined
  write(
    blob.endBootstrap({
      compressor: asStored ? 'none' : 'zstd',
      size,
      uncompressedSize: asStored ? size : bootstrap.size,
      uncompressedDigest: (seal === undefined ? content : sealed).digest(),
    }),
  )
  if (version === 6) write(blob.toc().bytes)
  const digest = parseDigest(`sha256:${Buffer.from(blob.digest()).toString('hex')}`)
  return { digest, size: blob.position }
}
