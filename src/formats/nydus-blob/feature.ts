/** Feature bits of a blob. Source: nydus storage/src/device.rs (BlobFeatures). */
export const BlobFeature = {
  /** Chunks begin at multiples of 4096 in the uncompressed blob. */
  aligned: 0x1,
  /** The layer's bootstrap is in the blob; never set in an image's bootstrap. */
  inlinedBootstrap: 0x2,
  /** Chunk table entries of 24 bytes. */
  chunkInfoV2: 0x4,
  zran: 0x8,
  /** Data and chunk table are in different files. */
  separate: 0x10,
  /** The blob has a digest array. */
  inlinedChunkDigest: 0x20,
  tarfs: 0x40,
  batch: 0x80,
  encrypted: 0x100,
  chunkDict: 0x200,
  separatedPrefetch: 0x400,
  external: 0x800,
  /** A tar header stands behind every section. */
  tarHeader: 0x1000_0000,
  toc: 0x2000_0000,
  /** Written by nydus 2.2 or newer, or by us. */
  capTarToc: 0x4000_0000,
  /** Internal to nydusd; refused when stored. */
  v5NoExtendedTable: 0x8000_0000,
} as const

/** Of the low 16 bits a reader must know all that are set. */
const INCOMPATIBLE = 0xffff
const KNOWN_INCOMPATIBLE = 0x0fff

/** Features of a native layer's blob: aligned chunks, digests, tar headers, ToC, bootstrap inside. */
export const NATIVE_LAYER_FEATURES =
  BlobFeature.aligned |
  BlobFeature.inlinedBootstrap |
  BlobFeature.inlinedChunkDigest |
  BlobFeature.tarHeader |
  BlobFeature.toc |
  BlobFeature.capTarToc

/** Features of a blob that holds the tables of a layer that is read where it is: a plain tar; gzip has `zran` besides. */
export const REF_LAYER_FEATURES =
  NATIVE_LAYER_FEATURES | BlobFeature.chunkInfoV2 | BlobFeature.separate

/** Tells whether all of `bits` are set in `features`. */
export function hasFeature(features: number, bits: number): boolean {
  return (features & bits) >>> 0 === bits
}

/** Why a reader would refuse `features`, or undefined. */
export function featureProblem(features: number): string | undefined {
  const unknown = features & INCOMPATIBLE & ~KNOWN_INCOMPATIBLE
  if (unknown !== 0) return `unknown blob features 0x${unknown.toString(16)}`
  if (hasFeature(features, BlobFeature.v5NoExtendedTable)) return 'an internal blob feature is set'
  return undefined
}

/** Flag bits of a chunk record. Source: nydus storage/src/device.rs (BlobChunkFlags). */
export const ChunkFlag = {
  compressed: 0x1,
  hole: 0x2,
  encrypted: 0x4,
  batch: 0x8,
  /** The record's CRC is right, and nydusd checks it on every read. */
  hasCrc32: 0x10,
} as const
