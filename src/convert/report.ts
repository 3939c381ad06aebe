import type { Digest } from '../oci/digest.ts'
import type { PushedBlob } from '../transport/image-transport.ts'

/** What one conversion did. Sizes are bytes, times milliseconds. */
export interface ConversionReport {
  source: string
  sourceDigest: Digest
  /** Where the result was pushed; absent when the image was skipped. */
  target?: string
  targetDigest?: Digest
  /** Why nothing was converted. */
  skipped?: string
  /** The target had an earlier result of the same image: its tag was moved, nothing was converted. */
  reused?: true
  /** What the source's tag names, where that is not `sourceDigest` any more. */
  movedTo?: Digest
  driver: { name: string; version: string }
  /** Layers and configs of the images converted, each blob once, as stored. */
  sourceSize: number
  targetSize: number
  images: ImageReport[]
  /** Members of the index that are in the result as they were: attestations, other artifacts. */
  kept: { digest: Digest; mediaType: string; reason: string }[]
  warnings: string[]
  /** Paths, or entries of layers, that were compared with the source before the push, by every reader of the format together. */
  verifiedPaths?: number
  timings: { pullMs: number; convertMs: number; pushMs: number; totalMs: number }
}

/** One image of the source: a platform of an index, or the only one. */
export interface ImageReport {
  platform: string
  sourceDigest: Digest
  targetDigest: Digest
  /** Further manifests over the same blobs, for other readers. */
  variantDigests?: Digest[]
  layers: LayerReport[]
}

/** One layer, before and after. Sizes are bytes. */
export interface LayerReport {
  source: { digest: Digest; mediaType: string; size: number }
  /** `indexSize`: what of it says where files are; the rest is their content. Absent where the format has no such part. */
  target: { digest: Digest; mediaType: string; size: number; indexSize?: number }
  /** Bytes of the tar, before and after. */
  sourceUncompressedSize?: number
  targetUncompressedSize?: number
  entries?: number
  /** It was converted before and found: in the store of `work_dir`, or in the cache image of the rule. */
  found?: 'store' | 'cache'
  /** Why the source blob stands in the result unconverted. */
  kept?: string
  /** What the driver has to say of it. */
  warnings?: string[]
  push?: PushedBlob
}
