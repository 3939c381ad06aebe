import { isCacheManifest } from '../cache/cache-image.ts'
import {
  ENCRYPTED_BLOB_ANNOTATION,
  FS_VERSION_ANNOTATION,
  NYDUS_CONFIG,
  SOURCE_DIGEST_ANNOTATION,
  UNCOMPRESSED_ANNOTATION,
} from '../drivers/nydus/annotation.ts'
import { TOC_DIGEST_ANNOTATION } from '../formats/estargz/layout.ts'
import { CONTAINERS_POSITION_ANNOTATION } from '../formats/zstd-chunked/layout.ts'
import {
  ACCELERATION_DRIVER_NAME,
  ACCELERATION_DRIVER_VERSION,
  ACCELERATION_SOURCE_DIGEST,
} from '../oci/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest } from '../oci/digest.ts'
import { parseImageConfig } from '../oci/image-config.ts'
import { MAX_DOCUMENT_SIZE } from '../oci/json-document.ts'
import { parseIndex, parseManifest, type Index, type Manifest } from '../oci/manifest.ts'
import {
  isEncryptedType,
  isImageConfigType,
  isIndexType,
  isManifestType,
} from '../oci/media-type.ts'
import { formatPlatform, isUnknownPlatform } from '../oci/platform.ts'
import { AccelError } from '../errors/accel-error.ts'
import { collect } from '../streams/byte-source.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { isEmptyMark, layerKind, referredLayer } from '../verify/layer-kind.ts'
import type { Format, ImageMember, Made, MemberLayer } from './account.ts'

/** What the documents below a root say. */
export interface ReadImage {
  isIndex: boolean
  made?: Made
  images: ImageMember[]
  others: number
}

/** Members of an index that are read: more than any image has platforms and variants. */
const MAX_MEMBERS = 100

/** Reads the manifests below `root`; of layers nothing is pulled. Throws CONTENT_…, IMAGE_…, REGISTRY_…. */
export async function readImage(
  source: ImageSource,
  root: Descriptor,
  name: string,
  signal: AbortSignal,
): Promise<ReadImage> {
  if (!isIndexType(root.mediaType)) {
    const manifest = await readManifest(source, root, name, signal)
    const image = await memberOf(source, root, manifest, name, signal)
    const images = image === undefined ? [] : [image]
    return { isIndex: false, others: 0, images, ...madeIn(manifest) }
  }
  const index = parseIndex(await source.manifest(root, { signal }), `${name} (${root.digest})`)
  const images: ImageMember[] = []
  let others = 0
  let made = madeIn(index)
  for (const member of index.manifests.slice(0, MAX_MEMBERS)) {
    if (!isManifestType(member.mediaType) || isUnknownPlatform(member)) {
      others += 1
      continue
    }
    const manifest = await readManifest(source, member, name, signal)
    const image = await memberOf(source, member, manifest, name, signal)
    if (image === undefined) others += 1
    else images.push(image)
    // of a merged index the Nydus image says it alone, and of its own source
    if (made.made === undefined) made = madeIn(manifest)
  }
  return { isIndex: true, images, others, ...made }
}

async function readManifest(
  source: ImageSource,
  descriptor: Descriptor,
  name: string,
  signal: AbortSignal,
): Promise<Manifest> {
  return parseManifest(
    await source.manifest(descriptor, { signal }),
    `${name} (${descriptor.digest})`,
  )
}

/** What a document says of its making. */
function madeIn({ annotations = {} }: Manifest | Index): { made?: Made } {
  const driver = annotations[ACCELERATION_DRIVER_NAME]
  const version = annotations[ACCELERATION_DRIVER_VERSION]
  const source = annotations[ACCELERATION_SOURCE_DIGEST] ?? annotations[SOURCE_DIGEST_ANNOTATION]
  if (driver === undefined && source === undefined) return {}
  return {
    made: {
      ...(driver === undefined ? {} : { driver }),
      ...(version === undefined ? {} : { version }),
      ...(isDigest(source) ? { source } : {}),
    },
  }
}

/** One manifest as an image; undefined where it is an artifact, or a cache of layers. */
async function memberOf(
  source: ImageSource,
  descriptor: Descriptor,
  manifest: Manifest,
  name: string,
  signal: AbortSignal,
): Promise<ImageMember | undefined> {
  const { config, layers } = manifest
  const types = [manifest.artifactType, config.mediaType]
  if (types.some((type) => type !== undefined && !isRunnable(type))) return undefined
  if (isCacheManifest(manifest)) return undefined
  const members = layers.flatMap((layer, i) => (isEmptyMark(layer) ? [] : [layerOf(layer, i + 1)]))
  const bootstrap = layers.find((layer) => layerKind(layer) === 'nydus-bootstrap')
  const fsVersion = bootstrap?.annotations?.[FS_VERSION_ANNOTATION]
  const elsewhere = bootstrap?.annotations?.[UNCOMPRESSED_ANNOTATION] !== undefined
  const encrypted = layers.some(
    ({ mediaType, annotations }) =>
      isEncryptedType(mediaType) || annotations?.[ENCRYPTED_BLOB_ANNOTATION] === 'true',
  )
  return {
    digest: descriptor.digest,
    platform: await platformOf(source, descriptor, config, name, signal),
    format: formatOf(members),
    ...(fsVersion === undefined ? {} : { fsVersion }),
    ...(elsewhere ? { blobsElsewhere: true } : {}),
    ...(encrypted ? { encrypted: true } : {}),
    ...(manifest.subject === undefined ? {} : { linked: true }),
    layers: members,
    blobs: [config, ...layers].map(({ digest, size }) => ({ digest, size })),
  }
}

/** The config, or artifact, type of what containers run from. */
function isRunnable(type: string): boolean {
  return isImageConfigType(type) || type === NYDUS_CONFIG
}

async function platformOf(
  source: ImageSource,
  { platform }: Descriptor,
  config: Descriptor,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  if (platform !== undefined) return formatPlatform(platform)
  const what = `${name} config (${config.digest})`
  const tooLarge = (size: number): AccelError =>
    new AccelError('CONTENT_TOO_LARGE', { what, size, limit: MAX_DOCUMENT_SIZE })
  const bytes = await collect(source.blob(config, { signal }), MAX_DOCUMENT_SIZE, tooLarge)
  const { os, architecture, variant } = parseImageConfig(bytes, what)
  if (!os || !architecture) return ''
  return formatPlatform({ os, architecture, ...(variant ? { variant } : {}) })
}

function layerOf(layer: Descriptor, index: number): MemberLayer {
  const { digest, mediaType, size, annotations = {} } = layer
  const kind = layerKind(layer)
  const refersTo = kind === 'nydus-blob' ? referredLayer(layer) : undefined
  return {
    index,
    digest,
    mediaType,
    size,
    kind,
    ...(kind === 'zstd-chunked' ? { readers: readersOf(annotations) } : {}),
    ...(refersTo === undefined ? {} : { refersTo }),
  }
}

/** The stargz snapshotter asks for the digest of the table, containers/storage for its place. */
function readersOf(annotations: Readonly<Record<string, string>>): ('stargz' | 'containers')[] {
  return [
    ...(TOC_DIGEST_ANNOTATION in annotations ? (['stargz'] as const) : []),
    ...(CONTAINERS_POSITION_ANNOTATION in annotations ? (['containers'] as const) : []),
  ]
}

function formatOf(layers: readonly MemberLayer[]): Format {
  const kinds = new Set(layers.map(({ kind }) => kind))
  if (kinds.has('nydus-bootstrap')) return 'nydus'
  if (kinds.has('zstd-chunked')) return 'zstd-chunked'
  return kinds.has('estargz') ? 'estargz' : 'ordinary'
}
