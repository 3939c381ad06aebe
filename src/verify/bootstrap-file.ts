import { BOOTSTRAP_PATH } from '../drivers/nydus/bootstrap-layer.ts'
import { versionOf } from '../drivers/nydus/rafs.ts'
import { AccelError } from '../errors/accel-error.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import { COMPRESSORS, DIGESTERS } from '../formats/nydus-blob/algorithm.ts'
import type { BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { BlobFeature, hasFeature } from '../formats/nydus-blob/feature.ts'
import { readRafsV5 } from '../formats/rafs-v5/read.ts'
import { cipherOf } from '../formats/rafs-v6/blob-entry.ts'
import type { RafsV6Blob } from '../formats/rafs-v6/layout.ts'
import { MAX_BOOTSTRAP_SIZE, readRafsV6 } from '../formats/rafs-v6/read.ts'
import { cleanPath } from '../formats/tar/path.ts'
import { TarReader } from '../formats/tar/reader.ts'
import type { NydusBlob, NydusBootstrap } from './nydus-image.ts'

const READ_SIZE = 1024 * 1024

/** A bootstrap with what its version needs to find chunks. */
export interface OpenedBootstrap extends NydusBootstrap {
  version: 5 | 6
  /** Nodes of the prefetch table, in its order; NONE for what has no name. */
  prefetch: readonly number[]
}

/** The bootstrap in a bootstrap layer. Throws FORMAT_…. */
export async function readBootstrapLayer(
  source: BlobSource,
  what: string,
): Promise<OpenedBootstrap> {
  const bytes = await bootstrapBytes(source, what)
  if (versionOf(bytes) !== 5) {
    const { tree, blobs, prefetch } = readRafsV6(bytes, { what })
    return { version: 6, tree, prefetch, blobs: blobs.map(blobOfV6) }
  }
  const { tree, compressor, digester, blobs, prefetch } = readRafsV5(bytes, { what })
  return {
    version: 5,
    tree,
    prefetch,
    blobs: blobs.map(({ blobId }) => ({ blobId, compressor, digester })),
  }
}

/** v6 says of each blob how its chunks are stored and named. */
function blobOfV6(entry: RafsV6Blob): NydusBlob {
  const { blobId, compressor, digester, features, blobMetaDigest } = entry
  const blob = {
    blobId,
    compressor: COMPRESSORS[compressor]!,
    digester: DIGESTERS[digester]!,
    cipher: cipherOf(entry),
    table: { offset: entry.ciOffset, size: entry.ciCompressedSize },
    size: entry.compressedSize,
  }
  if (!hasFeature(features, BlobFeature.separate)) return blob
  return { ...blob, tablesId: Buffer.from(blobMetaDigest).toString('hex') }
}

async function bootstrapBytes(source: BlobSource, what: string): Promise<Uint8Array> {
  const decoder = openDecoder({ what, maxUncompressedSize: 2 * MAX_BOOTSTRAP_SIZE })
  const tar = new TarReader({ what })
  const pieces: Uint8Array[] = []
  let found = false
  let inside = false
  const take = (): void => {
    for (let event = tar.next(); event !== undefined; event = tar.next()) {
      if (event.type === 'entry') {
        inside = event.entry.type === 'file' && cleanPath(event.entry.name) === BOOTSTRAP_PATH
        found ||= inside
      } else if (event.type === 'data' && inside) pieces.push(event.bytes.slice())
    }
  }
  const drain = (): void => {
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) {
      tar.push(out)
      take()
    }
  }
  try {
    for (let at = 0; at < source.size; at += READ_SIZE) {
      decoder.push(await source.read(at, Math.min(READ_SIZE, source.size - at)))
      drain()
    }
    decoder.end()
    drain()
    tar.end()
    take()
  } finally {
    decoder.close()
  }
  if (found) return Buffer.concat(pieces)
  const problem = `there is no ${BOOTSTRAP_PATH}`
  throw new AccelError('FORMAT_INVALID', {
    what,
    format: 'Nydus bootstrap layer',
    offset: 0,
    problem,
  })
}
