import { viewOf } from '../../bytes/layout.ts'
import {
  algorithmFlags,
  type Compressor,
  compressorCode,
  type Digester,
  digesterCode,
  SuperFlags,
} from '../nydus-blob/algorithm.ts'
import type { ChunkTableLocation } from '../nydus-blob/blob-writer.ts'
import type { BlobCipher } from '../nydus-blob/cipher.ts'
import { BlobFeature } from '../nydus-blob/feature.ts'
import type { RafsV6Blob } from './layout.ts'

/** Id of a layer's own blob in the bootstrap inside it: its digest cannot be known yet. */
export const OWN_BLOB_ID = 'x'.repeat(64)

/** What is known of a native layer's blob when its bootstrap is written. */
export interface LayerBlobInit {
  chunkSize: number
  chunkCount: number
  compressor: Compressor
  digester: Digester
  /** As in the header of its chunk table. */
  features: number
  /** Where its bootstrap begins: the position of the BlobWriter after the chunk table. */
  bootstrapOffset: number
  uncompressedSize: number
  chunkTable: ChunkTableLocation
  /** Of an encrypted blob: it stands in the entry as it is. */
  cipher?: BlobCipher | undefined
}

/** The entry of a layer's own blob in the bootstrap that will be inside it. */
export function layerBlobEntry(init: LayerBlobInit): RafsV6Blob {
  return {
    blobId: OWN_BLOB_ID,
    blobIndex: 0,
    chunkSize: init.chunkSize,
    chunkCount: init.chunkCount,
    compressor: compressorCode(init.compressor),
    digester: digesterCode(init.digester),
    features: init.features,
    compressedSize: init.bootstrapOffset,
    uncompressedSize: init.uncompressedSize,
    blobTocSize: 0,
    ciCompressor: compressorCode(init.chunkTable.compressor),
    ciOffset: init.chunkTable.offset,
    ciCompressedSize: init.chunkTable.compressedSize,
    ciUncompressedSize: init.chunkTable.uncompressedSize,
    blobTocDigest: new Uint8Array(32),
    ...cipherFields(init.cipher),
  }
}

/**
 * The same blob in the bootstrap of an image: with its id, without the mark that a bootstrap is inside (a reader would
 * take that for this very file), and with the digest of its ToC where it is given, which nydusd then checks.
 */
export function imageBlobEntry(
  entry: RafsV6Blob,
  blobId: string,
  toc?: { digest: Uint8Array; size: number },
): RafsV6Blob {
  const features = (entry.features & ~BlobFeature.inlinedBootstrap) >>> 0
  if (toc === undefined) return { ...entry, blobId, features }
  return { ...entry, blobId, features, blobTocSize: toc.size, blobTocDigest: toc.digest }
}

/**
 * The entry of a blob whose data is in a layer of another format (`blobId` and `size`: its digest in hex digits and
 * its size) and whose tables are in a blob of their own, that of `init`.
 */
export function refBlobEntry(
  init: Omit<LayerBlobInit, 'bootstrapOffset'>,
  layer: { blobId: string; size: number },
): RafsV6Blob {
  return { ...layerBlobEntry({ ...init, bootstrapOffset: layer.size }), blobId: layer.blobId }
}

/** The same in the bootstrap of an image: it names the blob of the tables, by digest and size. */
export function imageRefBlobEntry(
  entry: RafsV6Blob,
  tables: { digest: Uint8Array; size: number },
): RafsV6Blob {
  const blobMetaSize = new Uint8Array(8)
  viewOf(blobMetaSize).setBigUint64(0, BigInt(tables.size), true)
  return { ...imageBlobEntry(entry, entry.blobId), blobMetaDigest: tables.digest, blobMetaSize }
}

/** Superblock flags of a native image or layer: owners are explicit. */
export function nativeFlags(init: {
  compressor: Compressor
  digester: Digester
  /** Some file has attributes; nydus sets it for every image. */
  xattrs: boolean
  /** Every blob has a digest array. */
  digests: boolean
  /** Some blob is encrypted. @default false */
  encrypted?: boolean
}): number {
  return (
    algorithmFlags(init.compressor, init.digester) |
    SuperFlags.explicitUidGid |
    (init.xattrs ? SuperFlags.hasXattr : 0) |
    (init.digests ? SuperFlags.inlinedChunkDigest : 0) |
    (init.encrypted === true ? SuperFlags.encryptionAes128Xts : SuperFlags.encryptionNone)
  )
}

/** Code of AES-128-XTS. Source: nydus utils/src/crypt.rs (Algorithm). */
const AES_128_XTS = 1

/** Key and tweak of the blob of an entry, or undefined where it is not encrypted. */
export function cipherOf(entry: RafsV6Blob): BlobCipher | undefined {
  if (entry.cipher !== AES_128_XTS) return undefined
  const { blobMetaDigest: key, blobMetaSize, cipherIv } = entry
  return { key, iv: Buffer.concat([blobMetaSize, cipherIv]) }
}

/** They take the place of what zran blobs say of their table. */
function cipherFields(
  cipher: BlobCipher | undefined,
): Pick<RafsV6Blob, 'blobMetaDigest' | 'blobMetaSize' | 'cipherIv' | 'cipher'> {
  const { key, iv } = cipher ?? { key: new Uint8Array(32), iv: new Uint8Array(16) }
  return {
    blobMetaDigest: key,
    blobMetaSize: iv.subarray(0, 8),
    cipherIv: iv.subarray(8),
    cipher: cipher === undefined ? 0 : AES_128_XTS,
  }
}
