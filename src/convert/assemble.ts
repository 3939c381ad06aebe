import type { ManifestPlan } from '../drivers/image-step.ts'
import {
  ACCELERATION_DRIVER_NAME,
  ACCELERATION_DRIVER_VERSION,
  ACCELERATION_SOURCE_DIGEST,
  DOCKER_REFERENCE_DIGEST,
} from '../oci/annotation.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { withDiffIds, type ImageConfig } from '../oci/image-config.ts'
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
  /** What its `subject` names. */
  subject?: Digest
}

/** How the documents of the result are written. */
export interface AssembleInit {
  driver: { name: string; version: string }
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

/** A manifest of a converted image with its config, and what its member of an index says besides. */
export interface AssembledManifest extends Document {
  config: Document
  member: NonNullable<ManifestPlan['member']>
  platform: Platform
}

/** What takes the place of a member of an index: a manifest, or an index. */
export type IndexMember = Pick<Document, 'descriptor'> &
  Partial<Pick<AssembledManifest, 'member' | 'platform'>>

/**
 * Config and manifest of each plan of a converted image. The same input gives the same bytes. Plans that give the same
 * manifest, as those of an image all of whose layers are kept, give it once, with the marks of the first.
 */
export function assembleImage(
  image: SourceImage,
  plans: readonly ManifestPlan[],
  init: AssembleInit,
): AssembledManifest[] {
  const type = (mediaType: string): string => (init.docker2oci ? ociType(mediaType) : mediaType)
  const made = plans.map((plan) => {
    const config = document(
      withDiffIds(
        plan.config,
        plan.layers.map((layer) => layer.diffId),
      ),
      plan.configMediaType ?? type(image.manifest.config.mediaType),
    )
    const mediaType = type(image.descriptor.mediaType)
    const annotations = { ...image.manifest.annotations, ...plan.annotations }
    const subject = init.subject && plan.subject !== false
    const body: Manifest = {
      ...image.manifest,
      schemaVersion: 2,
      mediaType,
      config: config.descriptor,
      layers: plan.layers.map(({ descriptor }) => ({
        ...descriptor,
        mediaType: type(descriptor.mediaType),
      })),
      ...provenance(annotations, image.descriptor, { ...init, subject }),
    }
    return {
      ...document(body, mediaType),
      config,
      member: plan.member ?? {},
      platform: image.platform,
    }
  })
  const digests = made.map(({ descriptor }) => descriptor.digest)
  return made.filter(({ descriptor }, i) => digests.indexOf(descriptor.digest) === i)
}

/**
 * The index of the result. `converted` has what takes the place of each member that changed, by its source digest.
 * Of several manifests the first stands where the source's did, the others behind all: most readers take the first
 * of their platform. Attestations keep their bytes and point to the image that took the place of the one they speak of.
 */
export function assembleIndex(
  source: SourceIndex,
  converted: ReadonlyMap<Digest, readonly IndexMember[]>,
  init: AssembleInit,
): Document {
  const further: Descriptor[] = []
  const manifests = source.members.map(({ descriptor }) => {
    const targets = converted.get(descriptor.digest)
    if (targets) {
      const [first, ...others] = members(descriptor, targets)
      further.push(...others)
      return first!
    }
    const attests = converted.get(descriptor.annotations?.[DOCKER_REFERENCE_DIGEST] as Digest)?.[0]
    if (attests === undefined) return { ...descriptor }
    const annotations = {
      ...descriptor.annotations,
      [DOCKER_REFERENCE_DIGEST]: attests.descriptor.digest,
    }
    return { ...descriptor, annotations }
  })
  // Docker's lists have nothing to tell several manifests of a platform apart by.
  const oci = init.docker2oci || further.length > 0
  const mediaType = oci ? ociType(source.descriptor.mediaType) : source.descriptor.mediaType
  const body: Index = {
    ...source.index,
    schemaVersion: 2,
    mediaType,
    manifests: [...manifests, ...further],
    ...provenance(source.index.annotations, source.descriptor, init),
  }
  return document(body, mediaType)
}

/** The index of a single image that has several manifests, where the source is only a manifest. */
export function assembleVariants(
  image: SourceImage,
  targets: readonly IndexMember[],
  init: AssembleInit,
): Document {
  const { mediaType, digest, size } = image.descriptor
  const body: Index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: members({ mediaType, digest, size }, targets),
    ...provenance(undefined, image.descriptor, init),
  }
  return document(body, OCI_INDEX)
}

/**
 * What takes the place of a member of the source. Each has its own marks, which no other has; where there are several
 * each says its platform, which readers that choose among them need.
 */
function members(source: Descriptor, targets: readonly IndexMember[]): Descriptor[] {
  const marks = new Set(targets.flatMap(({ member }) => Object.keys(member?.annotations ?? {})))
  const { annotations, ...rest } = source
  const own = Object.entries(annotations ?? {}).filter(([key]) => !marks.has(key))
  return targets.map(({ descriptor, member, platform }) => {
    const { mediaType, digest, size } = descriptor
    const all = { ...Object.fromEntries(own), ...member?.annotations }
    return {
      ...rest,
      mediaType,
      digest,
      size,
      ...(targets.length > 1 && platform !== undefined && rest.platform === undefined
        ? { platform }
        : {}),
      ...(member?.artifactType === undefined ? {} : { artifactType: member.artifactType }),
      ...(Object.keys(all).length > 0 ? { annotations: all } : {}),
    }
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

function document(body: Manifest | Index | ImageConfig, mediaType: string): Document {
  const bytes = encodeDocument(body)
  const made = { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
  const subject = 'subject' in body ? (body.subject as Descriptor | undefined) : undefined
  return subject === undefined ? made : { ...made, subject: subject.digest }
}
