import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { FinishImage, ImageContext } from './image-step.ts'
import type { LowerAnswers } from './layer-content.ts'
import type { LayerResult } from './layer-result.ts'

/** What a driver is given besides the layer. It never sees a registry or the store. */
export interface DriverContext {
  threads: ThreadPool
  signal: AbortSignal
  /** An empty file of its own for a blob under way, in the work directory; the caller removes or keeps it. */
  ingestPath: string
  /** The result says what the source layer holds, in `listing`. */
  list: boolean
  /** Called as source bytes (as stored) are consumed and target bytes are written; totals, not differences. */
  progress(consumed: number, written: number): void
}

/** One source layer. */
export interface LayerInput {
  descriptor: Descriptor
  /** What the image config says that the uncompressed layer's digest is; checked. */
  diffId: Digest
  /** The verified bytes as stored, each piece valid until the next pull. May be called again. */
  open(signal: AbortSignal): ByteSource
  /** Names the layer in messages: `harbor.example/app:1 layer 3 (sha256:…)`. */
  what: string
  /** What the layers below hold, for the names that an earlier conversion of this layer asked about. */
  lower?: LowerAnswers
}

/** A driver with its options parsed: what converts the layers of images. */
export interface LayerConverter {
  /** Of all that changes the bytes made: driver name, version, options. Part of every cache key. */
  readonly key: string
  /** The module that layer threads run for most layers, by URL: one can have it loaded before there is a layer. */
  readonly module?: string
  /** Layers may stay where they are, to be read there by what their blobs say: who reads a result back needs them. */
  readonly inPlace?: boolean
  convertLayer(layer: LayerInput, context: DriverContext): Promise<LayerResult>
  /**
   * Why a blob that another builder made of a layer, in the file `path`, cannot stand for it, or undefined where it can.
   * @default it cannot
   */
  foreignProblem?(path: string, what: string): Promise<string | undefined>
}

/** A format of lazily pullable images. One folder and one line in `drivers/registry.ts`. */
export interface Driver {
  /** As in `converter.driver.type`. */
  readonly name: string
  /** Raised when the same input would give other bytes. */
  readonly version: string
  /** Parses `converter.driver.config`: every value is the raw text of its YAML scalar. Throws DRIVER_OPTION_INVALID with the key. */
  configure(config: Readonly<Record<string, string>>): ConfiguredDriver
}

/**
 * A further manifest of each image, over the same config and blobs, for readers that need other annotations on the
 * layers. It stands in the index behind the one that all others are to take.
 */
export interface ManifestVariant {
  /** Names it in messages. */
  name: string
  /** Added to its member of the index: what those readers find it by. */
  memberAnnotations: Readonly<Record<string, string>>
}

/** What converts one image: its layers, then the whole. */
export interface ImageConverter {
  layers: LayerConverter
  /** @default the converted layers in the place of the source's, and a manifest for each variant */
  finishImage?: FinishImage
}

/** What a driver makes of its options. */
export interface ConfiguredDriver extends ImageConverter {
  /** Further manifests of each image; the result is an index then, even of a single image. */
  variants?: readonly ManifestVariant[]
  /**
   * Called at the beginning of each conversion by drivers that must read something first, such as another image. What
   * it returns takes the place of `layers` and `finishImage`; the key of its layers must tell what was read.
   */
  prepare?(context: ImageContext): Promise<ImageConverter>
  /** Docker media types become OCI ones. Layer annotations need it. */
  docker2oci: boolean
  /** A `subject` member links the result to its source. */
  withReferrer: boolean
  /**
   * Whether an earlier result of the same image and options may be taken again where the registry still has it. Not
   * where the result depends on what the registry cannot tell: blobs that are kept elsewhere, keys that are in files,
   * another image that a tag names.
   * @default true
   */
  reusable?: boolean
  /** What the operator is told at the start, in sentences: options that have no effect. */
  notes?: readonly string[]
}
