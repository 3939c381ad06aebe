import { viewOf } from '../../bytes/layout.ts'
import { EROFS_MAGIC, SUPERBLOCK_OFFSET } from '../../formats/erofs/layout.ts'
import type { Compressor, Digester } from '../../formats/nydus-blob/algorithm.ts'
import type { ChunkTableLocation } from '../../formats/nydus-blob/blob-writer.ts'
import type { BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { BlobFeature, hasFeature } from '../../formats/nydus-blob/feature.ts'
import type { FileTree } from '../../formats/nydus-tree/file-tree.ts'
import { flagsV5, imageBlobEntryV5, layerBlobEntryV5 } from '../../formats/rafs-v5/blob-entry.ts'
import { RAFS_V5_MAGIC, type RafsV5Blob } from '../../formats/rafs-v5/layout.ts'
import { planRafsV5 } from '../../formats/rafs-v5/plan.ts'
import { readRafsV5 } from '../../formats/rafs-v5/read.ts'
import { writeRafsV5 } from '../../formats/rafs-v5/write.ts'
import {
  cipherOf,
  imageBlobEntry,
  imageRefBlobEntry,
  layerBlobEntry,
  nativeFlags,
  OWN_BLOB_ID,
} from '../../formats/rafs-v6/blob-entry.ts'
import type { RafsV6Blob } from '../../formats/rafs-v6/layout.ts'
import { planRafsV6 } from '../../formats/rafs-v6/plan.ts'
import { readRafsV6 } from '../../formats/rafs-v6/read.ts'
import { writeRafsV6 } from '../../formats/rafs-v6/write.ts'

export type RafsVersion = 5 | 6

/** A blob of a bootstrap: an entry of either version. */
export interface RafsBlob {
  blobId: string
  chunkCount: number
  features: number
}

/** A bootstrap as read. */
export interface Bootstrap {
  tree: FileTree
  blobs: RafsBlob[]
  compressor: Compressor
  digester: Digester
}

/** What a bootstrap says besides its tree. */
export interface BootstrapInit {
  /** The blob table. */
  blobs: readonly RafsBlob[]
  compressor: Compressor
  digester: Digester
  /** Says that files may have attributes. */
  xattrs: boolean
  /** Nodes of the prefetch table. */
  prefetch: readonly number[]
}

/** What is known of a layer's own blob when its bootstrap is written. */
export interface OwnBlobInit {
  chunkSize: number
  chunkCount: number
  compressor: Compressor
  digester: Digester
  /** As in the header of its chunk table. */
  features: number
  dataSize: number
  uncompressedSize: number
  /** Bytes of the blob before its bootstrap. */
  bootstrapOffset: number
  /** v6 alone. */
  chunkTable: ChunkTableLocation | undefined
  /** v6 alone. */
  cipher?: BlobCipher | undefined
}

/** What the driver needs of a version of RAFS. */
export interface Rafs {
  /** Reads a bootstrap. Throws FORMAT_…. */
  read(bytes: Uint8Array, what: string): Bootstrap
  /** Lays a bootstrap out; the pieces are written front to back. Throws FORMAT_…. */
  write(tree: FileTree, init: BootstrapInit): { size: number; pieces(): Iterable<Uint8Array> }
  /** The entry of a layer's own blob in its own bootstrap. */
  ownBlob(init: OwnBlobInit): RafsBlob
  /** What the blob of an entry is encrypted with, if it is. */
  cipherOf(entry: RafsBlob): BlobCipher | undefined
  /** The entry of the layer's own blob, which is `blob`, or of one that it names, in the bootstrap of an image. */
  imageBlob(entry: RafsBlob, blob: { id: string; size: number }): RafsBlob
}

/** A version of RAFS. */
export function rafsOf(version: RafsVersion): Rafs {
  return version === 6 ? rafsV6 : rafsV5
}

/** Which version a bootstrap says that it is of, or undefined where it is none. */
export function versionOf(bytes: Uint8Array): RafsVersion | undefined {
  const view = viewOf(bytes)
  if (bytes.length >= 4 && view.getUint32(0, true) === RAFS_V5_MAGIC) return 5
  const erofs = SUPERBLOCK_OFFSET + 4 <= bytes.length
  return erofs && view.getUint32(SUPERBLOCK_OFFSET, true) === EROFS_MAGIC ? 6 : undefined
}

/** Tells whether an entry is that of the layer's own blob, not one of a chunk dictionary. */
export function isOwnBlob(blob: RafsBlob): boolean {
  return blob.blobId === OWN_BLOB_ID
}

const rafsV6: Rafs = {
  read: (bytes, what) => readRafsV6(bytes, { what }),
  write(tree, { blobs, compressor, digester, xattrs, prefetch }) {
    // Set also where there is no blob, as nydus has it.
    const digests = blobs.every((blob) => hasFeature(blob.features, BlobFeature.inlinedChunkDigest))
    const encrypted = blobs.some((blob) => hasFeature(blob.features, BlobFeature.encrypted))
    const flags = nativeFlags({ compressor, digester, xattrs, digests, encrypted })
    const plan = planRafsV6(tree, { blobs: blobs as readonly RafsV6Blob[], flags, prefetch })
    return { size: plan.size, pieces: () => writeRafsV6(plan) }
  },
  ownBlob: (init) => layerBlobEntry({ ...init, chunkTable: init.chunkTable! }),
  cipherOf: (entry) => cipherOf(entry as RafsV6Blob),
  imageBlob(entry, { id, size }) {
    if (isOwnBlob(entry)) return imageBlobEntry(entry as RafsV6Blob, id)
    if (!hasFeature(entry.features, BlobFeature.separate | BlobFeature.inlinedBootstrap)) {
      return imageBlobEntry(entry as RafsV6Blob, entry.blobId)
    }
    return imageRefBlobEntry(entry as RafsV6Blob, { digest: Buffer.from(id, 'hex'), size })
  },
}

const rafsV5: Rafs = {
  read: (bytes, what) => readRafsV5(bytes, { what }),
  write(tree, { blobs, prefetch, ...flags }) {
    const init = { blobs: blobs as readonly RafsV5Blob[], flags: flagsV5(flags), prefetch }
    const plan = planRafsV5(tree, init)
    return { size: plan.size, pieces: () => writeRafsV5(plan) }
  },
  ownBlob: (init) =>
    layerBlobEntryV5({
      ...init,
      blobId: OWN_BLOB_ID,
      aligned: hasFeature(init.features, BlobFeature.aligned),
    }),
  cipherOf: () => undefined,
  imageBlob: (entry, { id }) =>
    imageBlobEntryV5(entry as RafsV5Blob, isOwnBlob(entry) ? id : entry.blobId),
}
