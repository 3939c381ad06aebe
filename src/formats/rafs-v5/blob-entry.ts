import type { Compressor, Digester } from '../nydus-blob/algorithm.ts'
import { algorithmFlags, SuperFlags } from '../nydus-blob/algorithm.ts'
import { BlobFeature } from '../nydus-blob/feature.ts'
import { SECTION_HEADER_SIZE } from '../nydus-blob/section-header.ts'
import type { RafsV5Blob } from './layout.ts'

/** What is known of a layer's blob when its bootstrap is written. */
export interface LayerBlobV5Init {
  /** As the bootstrap calls it: see OWN_BLOB_ID. */
  blobId: string
  chunkCount: number
  /** Chunks begin at multiples of 4096 in the uncompressed blob. */
  aligned: boolean
  /** Bytes of the stored chunks. */
  dataSize: number
  uncompressedSize: number
}

/** The entry of a layer's own blob in the bootstrap that will be inside it. Source: nydus rafs/src/metadata/layout/v5.rs. */
export function layerBlobEntryV5(init: LayerBlobV5Init): RafsV5Blob {
  const { blobId, chunkCount, aligned, dataSize, uncompressedSize } = init
  const features =
    BlobFeature.inlinedBootstrap |
    BlobFeature.tarHeader |
    BlobFeature.capTarToc |
    (aligned ? BlobFeature.aligned : 0)
  // Readers subtract the tar header again.
  const compressedSize = dataSize + SECTION_HEADER_SIZE
  const sizes = { uncompressedSize, compressedSize }
  return {
    blobId,
    prefetchOffset: 0,
    prefetchSize: 0,
    chunkCount,
    features: features >>> 0,
    ...sizes,
  }
}

/** The same blob in the bootstrap of an image: with its id, without the mark that a bootstrap is inside. */
export function imageBlobEntryV5(entry: RafsV5Blob, blobId: string): RafsV5Blob {
  return { ...entry, blobId, features: (entry.features & ~BlobFeature.inlinedBootstrap) >>> 0 }
}

/** Superblock flags of an image or layer: owners are explicit. */
export function flagsV5(init: {
  compressor: Compressor
  digester: Digester
  xattrs: boolean
}): number {
  const algorithms = algorithmFlags(init.compressor, init.digester)
  return algorithms | SuperFlags.explicitUidGid | (init.xattrs ? SuperFlags.hasXattr : 0)
}
