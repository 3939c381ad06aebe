import { isCacheManifest } from '../cache/cache-image.ts'
import { AccelError } from '../errors/accel-error.ts'
import { ACCELERATION_DRIVER_NAME, DOCKER_REFERENCE_DIGEST } from '../oci/annotation.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { parseImageConfig, type ImageConfig } from '../oci/image-config.ts'
import { invalidDocument, MAX_DOCUMENT_SIZE } from '../oci/json-document.ts'
import { parseIndex, parseManifest, type Index, type Manifest } from '../oci/manifest.ts'
import {
  ENCRYPTED_SUFFIX,
  isEncryptedType,
  isImageConfigType,
  isIndexType,
  isManifestType,
  isSchema1Type,
  layerType,
} from '../oci/media-type.ts'
import {
  formatPlatform,
  isUnknownPlatform,
  platformWanted,
  type PlatformFilter,
} from '../oci/platform.ts'
import { collect } from '../streams/byte-source.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { layerKind } from '../verify/layer-kind.ts'

/** An image manifest that is to be converted. */
export interface SourceImage {
  kind: 'image'
  descriptor: Descriptor
  manifest: Manifest
  config: ImageConfig
  platform: Platform
  /** Names the image in messages: the source and, in an index, the platform. */
  what: string
}

/** An index, or manifest list, with what is left of it after the platform filter. */
export interface SourceIndex {
  kind: 'index'
  descriptor: Descriptor
  index: Index
  members: SourceNode[]
}

/** A member of an index that goes into the result as it is. */
export interface KeptMember {
  kind: 'kept'
  descriptor: Descriptor
  bytes: Uint8Array
  /** Blobs below it. */
  blobs: Descriptor[]
  reason: string
  /** The index member that it attests to. */
  attests?: Digest
}

export type SourceNode = SourceImage | SourceIndex | KeptMember

/** What the root of a source turned out to be. */
export type LoadedSource =
  | { root: SourceImage | SourceIndex; skipped?: undefined }
  | { skipped: string; root?: undefined }

/** Indexes may be nested; nobody nests deeper than this, and a loop is impossible by digest. */
const MAX_INDEX_DEPTH = 4
/** More members than any index that a registry accepts within 4 MiB. */
const MAX_INDEX_MEMBERS = 1000

interface LoadInit {
  platforms: PlatformFilter
  signal: AbortSignal
}

/**
 * Reads the manifests and configs below `descriptor` and says what is to be converted. What is no image, or was
 * made by this service, is skipped with a reason. Throws IMAGE_… and CONTENT_….
 */
export async function loadSource(
  source: ImageSource,
  descriptor: Descriptor,
  init: LoadInit,
): Promise<LoadedSource> {
  if (isIndexType(descriptor.mediaType)) {
    const seen: string[] = []
    const root = await loadIndex(source, descriptor, source.name, init, 1, seen)
    const marked = skipReason(root.index)
    if (marked) return { skipped: marked }
    if (countImages(root) > 0) return { root }
    if (seen.length === 0 || init.platforms.length === 0) return { skipped: noImage(root) }
    return { skipped: unwanted(init.platforms, seen) }
  }
  const loaded = await loadManifest(source, descriptor, source.name, init)
  if (loaded.kind === 'kept') return { skipped: loaded.reason }
  if (!platformWanted(init.platforms, loaded.platform)) {
    return { skipped: unwanted(init.platforms, [formatPlatform(loaded.platform)]) }
  }
  const marked = skipReason(loaded.manifest)
  return marked ? { skipped: marked } : { root: loaded }
}

/** The images below a node, in order. */
export function imagesOf(node: SourceNode): SourceImage[] {
  if (node.kind === 'image') return [node]
  return node.kind === 'index' ? node.members.flatMap(imagesOf) : []
}

function unwanted(platforms: PlatformFilter, has: readonly string[]): string {
  const wanted = platforms.map(formatPlatform).join(', ')
  return `it has no image for ${wanted}, as converter.platforms asks, only for ${has.join(', ')}`
}

/** Of an index whose members are all no images. */
function noImage(node: SourceNode): string {
  const reasons = [...new Set(keptReasons(node))]
  return `the index holds no image${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`
}

function keptReasons(node: SourceNode): string[] {
  if (node.kind === 'kept') return [node.reason]
  return node.kind === 'index' ? node.members.flatMap(keptReasons) : []
}

function skipReason(document: Manifest | Index): string | undefined {
  const driver = document.annotations?.[ACCELERATION_DRIVER_NAME]
  if (driver !== undefined) return `it has been converted already, by the driver ${driver}`
  if (document.subject)
    return `it belongs to another image, its subject is ${document.subject.digest}`
  return undefined
}

function countImages(node: SourceNode): number {
  if (node.kind === 'image') return 1
  return node.kind === 'index' ? node.members.reduce((n, member) => n + countImages(member), 0) : 0
}

async function loadIndex(
  source: ImageSource,
  descriptor: Descriptor,
  what: string,
  init: LoadInit,
  depth: number,
  seen: string[],
): Promise<SourceIndex> {
  const bytes = await source.manifest(descriptor, init)
  const index = parseIndex(bytes, `${what} (${descriptor.digest})`)
  if (depth > MAX_INDEX_DEPTH) {
    throw invalidDocument(what, `indexes are nested deeper than ${MAX_INDEX_DEPTH}`)
  }
  if (index.manifests.length > MAX_INDEX_MEMBERS) {
    throw invalidDocument(what, `the index has more than ${MAX_INDEX_MEMBERS} members`)
  }
  const members: SourceNode[] = []
  for (const member of index.manifests) {
    if (member.platform && !isUnknownPlatform(member)) seen.push(formatPlatform(member.platform))
    const node = await loadMember(source, member, what, init, depth, seen)
    if (node) members.push(node)
  }
  return { kind: 'index', descriptor, index, members: withoutOrphans(members, index) }
}

/** One member of an index, or undefined where the platform filter leaves it out. */
async function loadMember(
  source: ImageSource,
  member: Descriptor,
  parent: string,
  init: LoadInit,
  depth: number,
  seen: string[],
): Promise<SourceNode | undefined> {
  if (isIndexType(member.mediaType)) {
    const nested = await loadIndex(source, member, parent, init, depth + 1, seen)
    return nested.members.length > 0 ? nested : undefined
  }
  if (isUnknownPlatform(member)) {
    const bytes = await source.manifest(member, init)
    const kept = keptMember(member, bytes, 'an attestation, or another member without a platform')
    const attests = member.annotations?.[DOCKER_REFERENCE_DIGEST]
    return isDigest(attests) ? { ...kept, attests } : kept
  }
  if (member.platform && !platformWanted(init.platforms, member.platform)) return undefined
  const what = member.platform ? `${parent} (${formatPlatform(member.platform)})` : parent
  const node = await loadManifest(source, member, what, init)
  if (node.kind === 'image' && !platformWanted(init.platforms, node.platform)) return undefined
  return node
}

/** Without the attestations of members that the platform filter has left out. */
function withoutOrphans(members: SourceNode[], index: Index): SourceNode[] {
  const all = new Set(index.manifests.map((member) => member.digest))
  const left = new Set(members.map((member) => member.descriptor.digest))
  return members.filter(
    (member) =>
      member.kind !== 'kept' ||
      !member.attests ||
      left.has(member.attests) ||
      !all.has(member.attests),
  )
}

async function loadManifest(
  source: ImageSource,
  descriptor: Descriptor,
  what: string,
  init: LoadInit,
): Promise<SourceImage | KeptMember> {
  const { mediaType } = descriptor
  if (!isManifestType(mediaType)) {
    const name = isSchema1Type(mediaType) ? `${what} is a Docker schema 1 image` : what
    throw new AccelError('IMAGE_MEDIA_TYPE_UNSUPPORTED', { what: name, mediaType })
  }
  const bytes = await source.manifest(descriptor, init)
  const manifest = parseManifest(bytes, `${what} (${descriptor.digest})`)
  const reason = notAnImage(manifest)
  if (reason) return keptMember(descriptor, bytes, reason, manifest)
  const config = await loadConfig(source, manifest.config, what, init)
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw invalidDocument(
      what,
      `the manifest has ${manifest.layers.length} layers, the config ${config.rootfs.diff_ids.length} diff_ids`,
    )
  }
  for (const [i, { mediaType: type, digest }] of manifest.layers.entries()) {
    if (layerType(type)) continue
    const code = isEncryptedType(type) ? 'IMAGE_LAYER_ENCRYPTED' : 'IMAGE_MEDIA_TYPE_UNSUPPORTED'
    throw new AccelError(code, { what: `${what} layer ${i + 1} (${digest})`, mediaType: type })
  }
  const platform = descriptor.platform ?? platformOf(config)
  return { kind: 'image', descriptor, manifest, config, platform, what }
}

/** Why a manifest is no image that containers run from, or undefined. */
function notAnImage(manifest: Manifest): string | undefined {
  if (isCacheManifest(manifest)) return 'it is a cache of converted layers'
  if (manifest.artifactType && !isImageConfigType(manifest.artifactType)) {
    return `it is no image but an artifact of type ${manifest.artifactType}`
  }
  if (!isImageConfigType(manifest.config.mediaType)) {
    return `it is no image but an artifact of type ${manifest.config.mediaType}`
  }
  if (manifest.layers.length === 0) return 'it has no layers'
  if (manifest.layers.some((layer) => layerKind(layer) === 'nydus-bootstrap')) {
    return 'it is a Nydus image already'
  }
  if (!manifest.layers.some((layer) => isLayerLike(layer.mediaType))) {
    return `it is no image, its layers are of type ${manifest.layers[0]!.mediaType}`
  }
  return undefined
}

/** A layer, or what is one once it is decrypted: an artifact's blobs are neither. */
function isLayerLike(mediaType: string): boolean {
  const plain = isEncryptedType(mediaType)
    ? mediaType.slice(0, -ENCRYPTED_SUFFIX.length)
    : mediaType
  return layerType(plain) !== undefined
}

function keptMember(
  descriptor: Descriptor,
  bytes: Uint8Array,
  reason: string,
  manifest: Manifest = parseManifest(bytes, descriptor.digest),
): KeptMember {
  return { kind: 'kept', descriptor, bytes, blobs: [manifest.config, ...manifest.layers], reason }
}

async function loadConfig(
  source: ImageSource,
  descriptor: Descriptor,
  what: string,
  init: LoadInit,
): Promise<ImageConfig> {
  const name = `${what} config (${descriptor.digest})`
  const tooLarge = (size: number): Error =>
    new AccelError('CONTENT_TOO_LARGE', { what: name, size, limit: MAX_DOCUMENT_SIZE })
  if (descriptor.size > MAX_DOCUMENT_SIZE) throw tooLarge(descriptor.size)
  const bytes = await collect(source.blob(descriptor, init), MAX_DOCUMENT_SIZE, tooLarge)
  return parseImageConfig(bytes, name)
}

function platformOf(config: ImageConfig): Platform {
  const platform: Platform = {
    os: config.os ?? 'linux',
    architecture: config.architecture ?? 'unknown',
  }
  if (config.variant) platform.variant = config.variant
  return platform
}
