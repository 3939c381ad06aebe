import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { parseIndex, parseManifest, type Index, type Manifest } from '../oci/manifest.ts'
import {
  isIndexType,
  isManifestType,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { CACHE_VERSION, decodeRecord, encodeRecord, type CacheRecord } from './record.ts'

/** The config of every cache manifest, as upstream's. */
export const CACHE_CONFIG = Buffer.from('{}')

/** One manifest of a cache image. */
export interface CacheMember {
  /** Of its descriptor in the index; a single manifest has none. */
  platform?: Platform
  manifest: Manifest
}

/**
 * A cache image: an index with a manifest for each platform, or a single manifest. Its layers are converted layers, and
 * say which source layer each stands for. What is first was used last.
 */
export interface CacheImage {
  shape: 'index' | 'manifest'
  root: Descriptor
  /** Of the index, as it was read: members that are no manifests stay. */
  index?: Index
  members: CacheMember[]
}

/** A document that is pushed. */
export interface CacheDocument {
  bytes: Uint8Array
  descriptor: Descriptor
}

/** Records of the images of one conversion. */
export interface PlatformRecords {
  platform: Platform
  records: CacheRecord[]
}

/** More platforms than any image has. */
const MAX_MEMBERS = 64

/** Reads a cache image: one request for a single manifest, one more for each platform of an index. Throws CONTENT_…, IMAGE_…. */
export async function readCacheImage(
  source: ImageSource,
  root: Descriptor,
  init: { signal: AbortSignal },
): Promise<CacheImage | undefined> {
  const bytes = await source.manifest(root, init)
  if (isManifestType(root.mediaType)) {
    const manifest = parseManifest(bytes, root.digest)
    return { shape: 'manifest', root, members: [{ manifest }] }
  }
  if (!isIndexType(root.mediaType)) return undefined
  const index = parseIndex(bytes, root.digest)
  const members: CacheMember[] = []
  for (const member of index.manifests.slice(0, MAX_MEMBERS)) {
    if (!isManifestType(member.mediaType)) continue
    const manifest = parseManifest(await source.manifest(member, init), member.digest)
    members.push({ ...(member.platform ? { platform: member.platform } : {}), manifest })
  }
  return { shape: 'index', root, index, members }
}

/** Whether a manifest is a cache's: nothing to run or to convert. */
export function isCacheManifest({ annotations }: Manifest | Index): boolean {
  return annotations?.[CACHE_VERSION] !== undefined
}

/** The version that a manifest of a cache image says. */
export function versionOf({ annotations }: Manifest): string {
  return annotations?.[CACHE_VERSION] ?? ''
}

/** The records of a manifest, those used last first. What names no source layer is passed over. */
export function recordsOf({ layers }: Manifest): CacheRecord[] {
  return layers.flatMap((layer) => decodeRecord(layer) ?? [])
}

/**
 * The documents of a cache image with more records, the root last. New records and those used again stand first; `size`
 * is how many a manifest holds. A single manifest stays one as long as there is one platform, an index stays an index.
 */
export function updatedCache(
  image: CacheImage | undefined,
  additions: readonly PlatformRecords[],
  init: { version: string; size: number },
): CacheDocument[] {
  const single = additions.length === 1 && image?.shape !== 'index'
  if (single) {
    const old = image?.members[0]?.manifest
    return [manifestDocument(old, additions[0]!.records, init, image?.root.mediaType)]
  }
  const documents: CacheDocument[] = []
  const members = membersOf(image)
  const manifests: Descriptor[] = (image?.index?.manifests ?? []).filter(
    ({ digest }) => !members.some((member) => member.digest === digest),
  )
  const left = new Map(additions.map((one) => [formatPlatform(one.platform), one]))
  for (const { platform, manifest, digest, size } of members) {
    const name = platform === undefined ? '' : formatPlatform(platform)
    const addition = left.get(name)
    left.delete(name)
    const mediaType = manifest.mediaType ?? OCI_MANIFEST
    if (addition === undefined) {
      manifests.push({ mediaType, digest, size, ...(platform ? { platform } : {}) })
      continue
    }
    const made = manifestDocument(manifest, addition.records, init, mediaType)
    documents.push(made)
    manifests.push({ ...made.descriptor, platform: addition.platform })
  }
  for (const { platform, records } of left.values()) {
    const made = manifestDocument(undefined, records, init, OCI_MANIFEST)
    documents.push(made)
    manifests.push({ ...made.descriptor, platform })
  }
  const index: Index = {
    ...image?.index,
    schemaVersion: 2,
    mediaType: image?.index?.mediaType ?? OCI_INDEX,
    manifests,
  }
  return [...documents, indexDocument(index)]
}

/** The manifests of an image with the names they have; a single one has that of its root. */
function membersOf(
  image: CacheImage | undefined,
): (CacheMember & { digest: Digest; size: number })[] {
  if (image === undefined) return []
  if (image.shape === 'manifest') {
    const { digest, size } = image.root
    return image.members.map((member) => ({ ...member, digest, size }))
  }
  const read = [...image.members]
  return (image.index?.manifests ?? []).flatMap(({ mediaType, digest, size }) => {
    if (!isManifestType(mediaType)) return []
    const member = read.shift()
    return member === undefined ? [] : [{ ...member, digest, size }]
  })
}

function manifestDocument(
  old: Manifest | undefined,
  records: readonly CacheRecord[],
  { version, size }: { version: string; size: number },
  mediaType = OCI_MANIFEST,
): CacheDocument {
  // Records of another version mean nothing to who reads this one.
  const before = old !== undefined && versionOf(old) === version ? old.layers : []
  const merged = mergeLayers(records.map(encodeRecord), before).slice(0, size)
  const config = {
    mediaType: OCI_CONFIG,
    digest: digestOf(CACHE_CONFIG),
    size: CACHE_CONFIG.length,
  }
  const manifest: Manifest = {
    ...old,
    schemaVersion: 2,
    mediaType,
    config: old?.config ?? config,
    layers: merged,
    annotations: { ...old?.annotations, [CACHE_VERSION]: version },
  }
  return document(manifest, mediaType)
}

/** New layers, then the old ones that they do not replace: of one source layer by one recipe there is one record. */
function mergeLayers(added: readonly Descriptor[], old: readonly Descriptor[]): Descriptor[] {
  const seen = new Set<string>()
  return [...added, ...old].filter((layer) => {
    const record = decodeRecord(layer)
    if (record === undefined) return false
    const key = `${record.source} ${record.recipe ?? ''}`
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
}

/**
 * Upstream reads an index back under the size of its own encoding of it, so it must be that, to the byte: Go's
 * `json.MarshalIndent` of image-spec's `Index`. Source: goharbor/acceleration-service pkg/driver/nydus/utils/utils.go.
 */
function indexDocument(index: Index): CacheDocument {
  const { schemaVersion, mediaType, artifactType, manifests, subject, annotations } = index
  const body = {
    schemaVersion,
    mediaType,
    artifactType,
    manifests: manifests.map(goDescriptor),
    subject: subject && goDescriptor(subject),
    annotations: annotations && sortedByKey(annotations),
  }
  const escaped = JSON.stringify(body, undefined, 2).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const bytes = Buffer.from(escaped)
  const type = mediaType ?? OCI_INDEX
  return { bytes, descriptor: { mediaType: type, digest: digestOf(bytes), size: bytes.length } }
}

/** Members in the order of image-spec's `Descriptor` and `Platform`. */
function goDescriptor({
  mediaType,
  digest,
  size,
  urls,
  annotations,
  data,
  platform,
  artifactType,
}: Descriptor): object {
  return {
    mediaType,
    digest,
    size,
    urls,
    annotations: annotations && sortedByKey(annotations),
    data,
    platform: platform && {
      architecture: platform.architecture,
      os: platform.os,
      'os.version': platform['os.version'],
      'os.features': platform['os.features'],
      variant: platform.variant,
    },
    artifactType,
  }
}

/** As Go writes a map. */
function sortedByKey(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function document(body: object, mediaType: string): CacheDocument {
  const bytes = encodeDocument(body)
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}
