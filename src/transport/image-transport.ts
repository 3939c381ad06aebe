import type { ByteSource } from '../streams/byte-source.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'

/** What every call that can wait takes. */
export interface CallInit {
  signal?: AbortSignal
}

/** How a blob is read. */
export interface ReadBlobInit extends CallInit {
  /**
   * Memory that a source may read into again and again, so that none is allocated for each piece: what it gives is then
   * valid until the next pull only. Not for bytes that go into a request, which may keep them for longer.
   */
  scratch?: Uint8Array | undefined
}

/**
 * Where an image is read from: a repository of a registry, an OCI image layout, an archive.
 * All it returns is verified: digest and size are those of the descriptor, or it throws CONTENT_….
 */
export interface ImageSource {
  /** The repository or path, for messages and logs; never holds a secret. */
  readonly name: string
  /** The descriptor under a tag or digest; without one the only, or the `latest`, image. Throws CONTENT_NOT_FOUND. */
  resolve(tagOrDigest: string | undefined, init?: CallInit): Promise<Descriptor>
  /** The bytes of a manifest or index, at most 4 MiB. Throws CONTENT_NOT_FOUND, CONTENT_DIGEST_MISMATCH, CONTENT_TOO_LARGE. */
  manifest(descriptor: Descriptor, init?: CallInit): Promise<Uint8Array>
  /** The bytes of a config or layer; the last pull throws when they were not what `descriptor` names. */
  blob(descriptor: Descriptor, init?: ReadBlobInit): ByteSource
}

/** A part of a blob, in bytes; at least one. */
export interface BlobRange {
  offset: number
  length: number
}

/** A source of which parts can be read, to look into an image without pulling all of it. */
export interface RangedSource extends ImageSource {
  /** A part that lies within the blob. It is not verified: a digest is that of a whole blob. Throws CONTENT_…. */
  blobRange(descriptor: Descriptor, range: BlobRange, init?: CallInit): Promise<Uint8Array>
}

/** What became of a blob that was to be pushed. */
export type PushedBlob = 'uploaded' | 'exists' | 'mounted'

/** How a blob is pushed. */
export interface BlobStoreInit extends CallInit {
  /** Gets the bytes that are there so far; fewer than before when some have to be sent again. */
  onProgress?: (bytes: number) => void
  /** A file with these very bytes, of which the digest was computed, and which nobody changes: a store on a disk may share it. */
  file?: string
}

/** A place for blobs. One appears there whole or not at all. */
export interface BlobStore {
  /** For messages; holds no secret. */
  readonly name: string
  /**
   * Makes the store hold a blob. `open(offset)` gives its bytes from `offset` on and may be called again, with where
   * the store stands, when a connection breaks.
   */
  pushBlob(
    descriptor: Descriptor,
    open: (offset: number) => ByteSource,
    init?: BlobStoreInit,
  ): Promise<PushedBlob>
}

/** A place for blobs besides a registry. */
export interface BlobBackend extends BlobStore {
  /** How many bytes are there under the name of a blob; undefined where nothing is. They are not read. */
  sizeOf(digest: Digest, init?: CallInit): Promise<number | undefined>
}

/** Where an image is written to. Nothing is visible under a tag before `pushManifest` with that tag. */
export interface ImageTarget extends BlobStore {
  /** The descriptor that a tag or digest names now, or undefined. */
  find(tagOrDigest: string, init?: CallInit): Promise<Descriptor | undefined>
  hasBlob(descriptor: Descriptor, init?: CallInit): Promise<boolean>
  /** `mountFrom` names other repositories of the same registry that are said to have it; a mount that fails is no error. */
  pushBlob(
    descriptor: Descriptor,
    open: (offset: number) => ByteSource,
    init?: BlobStoreInit & { mountFrom?: string[] },
  ): Promise<PushedBlob>
  /**
   * Writes a manifest or index, by digest, and under `tag` where given. `subject`, where the bytes have one,
   * is made visible to the referrers API, by the tag schema where the target has no such API.
   */
  pushManifest(
    bytes: Uint8Array,
    descriptor: Descriptor,
    init?: CallInit & { tag?: string; subject?: Digest },
  ): Promise<void>
}
