import { AccelError } from '../../errors/accel-error.ts'
import { chunkSlabSize } from '../../formats/nydus-blob/slab-size.ts'
import { hexOf } from '../../oci/digest.ts'
import type { ImageConfig } from '../../oci/image-config.ts'
import {
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  ENCRYPTED_SUFFIX,
  OCI_LAYER_GZIP,
} from '../../oci/media-type.ts'
import { bytesFrom } from '../../streams/byte-source.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import type {
  FinishedImage,
  FinishedLayer,
  ImageBlob,
  ImageContext,
  ImageLayer,
  ManifestPlan,
  SourceImageInput,
} from '../image-step.ts'
import {
  BOOTSTRAP_ANNOTATION,
  FS_VERSION_ANNOTATION,
  REF_ANNOTATION,
  SOURCE_DIGEST_ANNOTATION,
  SOURCE_REFERENCE_ANNOTATION,
  UNCOMPRESSED_ANNOTATION,
} from './annotation.ts'
import type { Dictionary } from './chunk-dictionary.ts'
import type { ImageJobData, ImageJobLayer, ImageJobResult } from './image-job.ts'
import type { LayerDetail } from './layer-detail.ts'
import { besideSource } from './merged-index.ts'
import type { NydusOptions } from './options.ts'
import { REF_ALGORITHMS } from './ref-algorithms.ts'

const IMAGE_JOB = moduleBeside(import.meta.url, './image-job')

/** How an image is finished. */
export interface FinishOptions extends Omit<NydusOptions, 'dictionary'> {
  dictionary: Dictionary | undefined
}

/**
 * Makes the bootstrap of an image from those in its layers' blobs, and says what its manifest consists of: the blobs
 * of all layers, those of the dictionary that files refer to, and the bootstrap. Throws IMAGE_LAYER_NOT_CONVERTED, FORMAT_…, DRIVER_…, STORE_….
 */
export async function finishImage(
  image: SourceImageInput,
  layers: readonly FinishedLayer[],
  context: ImageContext,
  options: FinishOptions,
): Promise<FinishedImage> {
  const { format, prefetch, store, recipients } = options
  const { version } = format
  const referred = referredLayers(image, layers)
  const path = context.newFile()
  const jobLayers = layers.map((layer, i) => jobLayer(layer, `${image.what} layer ${i + 1}`))
  const { what } = image
  const algorithms: ImageJobData['algorithms'] =
    referred.length > 0
      ? REF_ALGORITHMS
      : { compressor: format.codec.compressor, digester: 'blake3' }
  const data: ImageJobData = {
    what,
    version,
    algorithms,
    prefetch,
    layers: jobLayers,
    path,
    recipients,
  }
  const made = await context.threads.run<ImageJobResult>({
    what,
    call: { module: IMAGE_JOB, data },
    open: () => bytesFrom(),
    slabSize: chunkSlabSize(format),
    signal: context.signal,
  })
  const blobs = layers.map(({ result, path: blob }): ImageLayer => ({
    descriptor: result.descriptor,
    diffId: result.diffId,
    origin: { kind: 'file', path: blob! },
  }))
  const bootstrap = bootstrapLayer(bootstrapType(image, format.encrypted), made, path, {
    [BOOTSTRAP_ANNOTATION]: 'true',
    [FS_VERSION_ANNOTATION]: String(version),
    // As the snapshotter's converter leaves it where the manifest has no other layer.
    ...(store === undefined ? {} : { [UNCOMPRESSED_ANNOTATION]: made.diffId }),
    ...made.annotations,
  })
  const theirs = dictionaryBlobs(made.blobIds, [...blobs, ...referred], options)
  const plan: ManifestPlan = {
    layers: store === undefined ? [...blobs, ...theirs, bootstrap] : [bootstrap],
    config: withHistory(image.config, store === undefined),
    annotations: {
      [SOURCE_DIGEST_ANNOTATION]: image.descriptor.digest,
      [SOURCE_REFERENCE_ANNOTATION]: image.reference,
      [FS_VERSION_ANNOTATION]: String(version),
    },
  }
  const elsewhere =
    store === undefined ? [] : [...blobs, ...theirs].map((blob): ImageBlob => ({ ...blob, store }))
  return {
    manifests: options.mergeManifest ? besideSource(image, plan) : [plan],
    blobs: [...elsewhere, ...referred],
    dictionary: options.dictionary?.bootstraps ?? [],
    warnings: [],
  }
}

function jobLayer({ result, path }: FinishedLayer, what: string): ImageJobLayer {
  if (path === undefined) {
    const reason = result.kept ?? 'it has no file'
    throw new AccelError('IMAGE_LAYER_NOT_CONVERTED', { what, reason })
  }
  const { digest, size } = result.descriptor
  const blob = { id: hexOf(digest), size }
  const detail = result.detail as LayerDetail
  return { path, blob, detail, what: `${what} (Nydus blob ${digest})` }
}

/** The layers of the source that are read where they are: the target must have them, too. */
function referredLayers(
  { manifest }: SourceImageInput,
  layers: readonly FinishedLayer[],
): ImageBlob[] {
  return manifest.layers
    .filter((_, i) => layers[i]?.result.descriptor.annotations?.[REF_ANNOTATION] !== undefined)
    .map((descriptor) => ({ descriptor, origin: { kind: 'source' } }))
}

/** The blobs that files refer to, that are none of these and that a manifest of the dictionary names. */
function dictionaryBlobs(
  used: readonly string[],
  blobs: readonly ImageBlob[],
  { dictionary }: FinishOptions,
): ImageLayer[] {
  const own = new Set(blobs.map(({ descriptor }) => hexOf(descriptor.digest)))
  return used
    .filter((blobId) => !own.has(blobId))
    .flatMap((blobId) => {
      const { image, blobs: theirs } = dictionary!
      const descriptor = theirs.get(blobId)
      if (descriptor === undefined) return []
      const { mediaType, digest, size, annotations = {} } = descriptor
      return {
        descriptor: { mediaType, digest, size, annotations },
        diffId: digest,
        origin: { kind: 'image', image },
      }
    })
}

/** Encrypted it is an OCI type, and so is the manifest then. */
function bootstrapType({ descriptor }: SourceImageInput, encrypted: boolean): string {
  if (encrypted) return OCI_LAYER_GZIP + ENCRYPTED_SUFFIX
  return descriptor.mediaType === DOCKER_MANIFEST ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP
}

/** The last layer. */
function bootstrapLayer(
  mediaType: string,
  { digest, size, diffId, key }: ImageJobResult,
  path: string,
  annotations: Record<string, string>,
): ImageLayer {
  return {
    descriptor: { mediaType, digest, size, annotations },
    diffId,
    origin: { kind: 'file', path },
    ...(key === undefined ? {} : { key }),
  }
}

/** The config with the bootstrap layer in its history; that of the source's layers is left out where they are elsewhere. */
function withHistory(config: ImageConfig, keep: boolean): ImageConfig {
  const added = { created_by: 'Nydus Converter', comment: 'Nydus Bootstrap Layer' }
  return { ...config, history: [...(keep ? (config.history ?? []) : []), added] }
}
