import type { LayerKey } from '../formats/ocicrypt/layer-cipher.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ImageConfig } from '../oci/image-config.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { BlobStore, ImageSource } from '../transport/image-transport.ts'
import type { LayerResult } from './layer-result.ts'

/**
 * The last step of one image, for formats that are more than their layers: it gets the source image and its converted
 * layers, and says what the result consists of. It runs after all layers of the image are converted and before
 * anything is pushed. All that it needs of a layer is in the layer's blob and its `detail`, so that layers can come
 * from an earlier conversion.
 */

/** An image of the source. */
export interface SourceImageInput {
  descriptor: Descriptor
  manifest: Manifest
  config: ImageConfig
  platform: Platform
  /** Names the image in messages. */
  what: string
  /** The source as the user named it. */
  reference: string
}

/** One layer of the source, converted. */
export interface FinishedLayer {
  result: LayerResult
  /** The file of its blob; absent where the source's blob was kept. */
  path?: string
}

/** Where the bytes of a blob of the result are. */
export type BlobOrigin =
  | { kind: 'file'; path: string }
  | { kind: 'bytes'; bytes: Uint8Array }
  /** The source image has it. */
  | { kind: 'source' }
  /** Another image has it. */
  | { kind: 'image'; image: OpenedImage }

/** A blob of the result. */
export interface ImageBlob {
  descriptor: Descriptor
  origin: BlobOrigin
  /** Where it is kept. @default the target of the conversion */
  store?: BlobStore
}

/** A layer of a manifest. */
export interface ImageLayer extends ImageBlob {
  diffId: Digest
  /** Where it is encrypted: what it is decrypted with to be verified. It goes nowhere else. */
  key?: LayerKey
}

/** One manifest of the result, without what all have: source, driver, `subject`. */
export interface ManifestPlan {
  layers: ImageLayer[]
  /** The config; its `rootfs.diff_ids` are replaced by those of the layers. */
  config: ImageConfig
  /** @default that of the source's */
  configMediaType?: string
  /** Added to those of the source's manifest. */
  annotations?: Readonly<Record<string, string>>
  /** What its member of an index says besides. */
  member?: { annotations?: Readonly<Record<string, string>>; artifactType?: string }
  /** It names its source as `subject`, where that is asked for. @default true */
  subject?: boolean
}

/** What an image became. */
export interface FinishedImage {
  /**
   * Its manifests, the one that all readers are to take first. Where there are several the result is an index, even
   * of a single image; the further ones stand behind all first ones.
   */
  manifests: ManifestPlan[]
  /** Blobs that must be somewhere although no manifest names them. */
  blobs?: ImageBlob[]
  /** Files of Nydus bootstraps that say where chunks are in blobs of other images. @default none */
  dictionary?: readonly string[]
  /** In sentences. */
  warnings: string[]
}

/** An image that an option names. */
export interface OpenedImage {
  source: ImageSource
  /** Its tag or digest. */
  tag: string | undefined
  /** The same as a user writes it. */
  name: string
  /** Repositories of the target's registry from which its blobs can be mounted. */
  mountFrom: string[]
}

/** What a driver is given for the steps that are not about one layer. */
export interface ImageContext {
  threads: ThreadPool
  signal: AbortSignal
  /** The path of a new file in the work directory; it is removed when the conversion is over. */
  newFile(): string
  /** Opens an image, of a registry that is configured; nothing is read yet. Throws REFERENCE_…. */
  openImage(reference: string): Promise<OpenedImage>
}

/** Makes the result of an image's layers. Throws FORMAT_…, DRIVER_…, STORE_…. */
export type FinishImage = (
  image: SourceImageInput,
  layers: readonly FinishedLayer[],
  context: ImageContext,
) => Promise<FinishedImage>
