import type { LayerResult, ManifestVariant } from '../drivers/driver.ts'
import {
  ACCELERATION_DRIVER_NAME,
  ACCELERATION_DRIVER_VERSION,
  ACCELERATION_SOURCE_DIGEST,
  DOCKER_REFERENCE_DIGEST,
} from '../oci/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { withDiffIds } from '../oci/image-config.ts'
import { encodeDocument } from '../oci/json-document.ts'
import type { Index, Manifest } from '../oci/manifest.ts'
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_TAR,
  DOCKER_LAYER_ZSTD,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import type { SourceImage, SourceIndex } from './source-image.ts'

/** A document of the result: its bytes and what names them. */
export interface Document {
  descriptor: Descriptor
  bytes: Uint8Array
}

/** How the documents of the result are written. */
export interface AssembleInit {
  driver: { name: string; version: string }
  /** Further manifests of each image. */
  variants: readonly ManifestVariant[]
  docker2oci: boolean
  /** A `subject` names the source; only right where the target is the repository of the source. */
  subject: boolean
  /** The three annotations of upstream's `harbor_annotation` are written. */
  annotate: boolean
}

const ociTypes: Record<string, string> = {
  [DOCKER_MANIFEST]: OCI_MANIFEST,
  [DOCKER_LIST]: OCI_INDEX,
  [DOCKER_CONFIG]: OCI_CONFIG,
  [DOCKER_LAYER_TAR]: OCI_LAYER_TAR,
  [DOCKER_LAYER_GZIP]: OCI_LAYER_GZIP,
  [DOCKER_LAYER_ZSTD]: OCI_LAYER_ZSTD,
}

/** The OCI media type for a Docker one; others as they are. */
function ociType(mediaType: string): string {
  return ociTypes[mediaType] ?? mediaType
}

/**
 * Config and manifests of a converted image: the one that all readers are to take, then those of the variants. The
 * same input gives the same bytes.
 */
export function assembleImage(
  image: SourceImage,
  layers: readonly LayerResult[],
  init: AssembleInit,
): { config: Document; manifest: Document; variants: Document[] } {
  const type = (mediaType: string): string => (init.docker2oci ? ociType(mediaType) : mediaType)
  const config = document(
    withDiffIds(
      image.config,
      layers.map((layer) => layer.diffId),
    ),
    type(image.manifest.config.mediaType),
  )
  const mediaType = type(image.descriptor.mediaType)
  const manifest = (descriptors: readonly Descriptor[]): Document => {
    const body: Manifest = {
      ...image.manifest,
      schemaVersion: 2,
      mediaType,
      config: config.descriptor,
      layers: descriptors.map((descriptor) => ({
        ...descriptor,
        mediaType: type(descriptor.mediaType),
      })),
      ...provenance(image.manifest.annotations, image.descriptor, init),
    }
    return document(body, mediaType)
  }
  return {
    config,
    manifest: manifest(layers.map((layer) => layer.descriptor)),
    variants: init.variants.map((_, i) =>
      manifest(layers.map((layer) => layer.variants?.[i] ?? layer.descriptor)),
    ),
  }
}

/**
 * The index of the result. `converted` has the new descriptors of each member that changed, by its source digest: its
 * own, then those of the variants, which stand behind it: most readers take the first of their platform. Attestations keep their bytes and point to the image that took the place of the one they speak of.
 */
export function assembleIndex(
  source: SourceIndex,
  converted: ReadonlyMap<Digest, readonly Descriptor[]>,
  init: AssembleInit,
): Document {
  const mediaType = init.docker2oci
    ? ociType(source.descriptor.mediaType)
    : source.descriptor.mediaType
  const manifests = source.members.flatMap(({ descriptor }) => {
    const targets = converted.get(descriptor.digest)
    if (targets) return members(descriptor, targets, init)
    const attests = converted.get(descriptor.annotations?.[DOCKER_REFERENCE_DIGEST] as Digest)?.[0]
    if (attests === undefined) return [{ ...descriptor }]
    const annotations = { ...descriptor.annotations, [DOCKER_REFERENCE_DIGEST]: attests.digest }
    return [{ ...descriptor, annotations }]
  })
  const body: Index = {
    ...source.index,
    schemaVersion: 2,
    mediaType,
    manifests,
    ...provenance(source.index.annotations, source.descriptor, init),
  }
  return document(body, mediaType)
}

/** The index of a single image that has variants, where the source is only a manifest. */
export function assembleVariants(
  image: SourceImage,
  targets: readonly Descriptor[],
  init: AssembleInit,
): Document {
  const { descriptor, platform } = image
  const { mediaType, digest, size } = descriptor
  const body: Index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: members({ mediaType, digest, size, platform }, targets, init),
    ...provenance(undefined, descriptor, init),
  }
  return document(body, OCI_INDEX)
}

/** What takes the place of a member of the source: its target, then the variants, each with its marks, which no other has. */
function members(
  source: Descriptor,
  targets: readonly Descriptor[],
  { variants }: AssembleInit,
): Descriptor[] {
  const marks = new Set(variants.flatMap(({ memberAnnotations }) => Object.keys(memberAnnotations)))
  const { annotations, ...rest } = source
  const own = Object.entries(annotations ?? {}).filter(([key]) => !marks.has(key))
  return targets.map(({ mediaType, digest, size }, i) => {
    const all = { ...Object.fromEntries(own), ...variants[i - 1]?.memberAnnotations }
    const member = { ...rest, mediaType, digest, size }
    return Object.keys(all).length > 0 ? { ...member, annotations: all } : member
  })
}

function provenance(
  annotations: Record<string, string> | undefined,
  source: Descriptor,
  init: AssembleInit,
): { annotations?: Record<string, string>; subject?: Descriptor } {
  const marks: Record<string, string> = {
    [ACCELERATION_DRIVER_NAME]: init.driver.name,
    [ACCELERATION_DRIVER_VERSION]: init.driver.version,
    [ACCELERATION_SOURCE_DIGEST]: source.digest,
  }
  const all = { ...annotations, ...(init.annotate ? marks : {}) }
  const { mediaType, digest, size } = source
  return {
    ...(Object.keys(all).length > 0 ? { annotations: all } : {}),
    ...(init.subject ? { subject: { mediaType, digest, size } } : {}),
  }
}

function document(body: object, mediaType: string): Document {
  const bytes = encodeDocument(body)
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}
