import { BlobWriter } from '../../formats/nydus-blob/blob-writer.ts'
import { openPieceCompressor } from '../../formats/nydus-blob/chunk-codec.ts'
import { BlobFeature, REF_LAYER_FEATURES } from '../../formats/nydus-blob/feature.ts'
import type { RefChunks } from '../../formats/nydus-blob/ref-chunks.ts'
import { refBlobEntry } from '../../formats/rafs-v6/blob-entry.ts'
import { pickContexts, type Contexts } from '../../formats/zran/context-cutter.ts'
import { hexOf, type Digest } from '../../oci/digest.ts'
import { endWithBootstrap, type FinishedBlob } from './blob-end.ts'
import { rafsOf, type RafsBlob } from './rafs.ts'
import { REF_ALGORITHMS } from './ref-algorithms.ts'
import type { RefBuild } from './ref-build.ts'

/** The layer, as the source has it. */
export interface ReferredLayer {
  digest: Digest
  size: number
  /** Bytes of a chunk. */
  chunkSize: number
  /** Where it is inflated from; undefined for a plain tar. */
  contexts: Contexts | undefined
}

/**
 * Writes the blob that a layer gets which stays where it is: tables of its chunks and contexts, digests, the bootstrap of
 * the layer, table of contents. Source: nydus builder/src/tarball.rs, builder/src/core/blob.rs (dump_meta_data).
 */
export async function writeRefBlob(
  build: RefBuild,
  layer: ReferredLayer,
  write: (bytes: Uint8Array) => void,
): Promise<FinishedBlob> {
  const blob = new BlobWriter()
  const { tree } = build.layer
  const own = build.chunks.count > 0 ? writeTables(blob, build, layer, write) : undefined
  const bootstrap = rafsOf(6).write(tree, {
    ...REF_ALGORITHMS,
    blobs: own === undefined ? [] : [own],
    xattrs: tree.inodes.xattrs.count > 0,
    prefetch: [],
  })
  return endWithBootstrap({ blob, write }, 6, bootstrap)
}

function writeTables(
  blob: BlobWriter,
  { chunks }: RefBuild,
  { digest, size, chunkSize, contexts }: ReferredLayer,
  write: (bytes: Uint8Array) => void,
): RafsBlob {
  const features = REF_LAYER_FEATURES | (contexts === undefined ? 0 : BlobFeature.zran)
  const zran = contexts === undefined ? undefined : readableContexts(contexts, chunks)
  const compressor = openPieceCompressor('zstd')
  try {
    const { pieces, location } = blob.chunkTable(
      {
        v2: true,
        count: chunks.count,
        chunks: chunks.chunkInfos(),
        ...(zran === undefined ? {} : { zran }),
      },
      chunks.digests(),
      { features, compressor },
    )
    for (const piece of pieces) write(piece)
    return refBlobEntry(
      {
        ...REF_ALGORITHMS,
        chunkSize,
        chunkCount: chunks.count,
        features,
        uncompressedSize: chunks.uncompressedSize,
        chunkTable: location,
      },
      { blobId: hexOf(digest), size },
    )
  } finally {
    compressor.close()
  }
}

/**
 * nydusd takes no more contexts than chunks. There are more where chunks are equal to earlier ones: contexts that only
 * such chunks are in go then; else they stay, as in nydus.
 */
function readableContexts(contexts: Contexts, chunks: RefChunks): Contexts {
  if (contexts.contexts.length <= chunks.count) return contexts
  return pickContexts(contexts, chunks.renumberContexts())
}
