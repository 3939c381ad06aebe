import { BOOTSTRAP_ANNOTATION } from '../../drivers/nydus/annotation.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { parseImageConfig } from '../../oci/image-config.ts'
import { MAX_DOCUMENT_SIZE } from '../../oci/json-document.ts'
import { type Manifest, parseIndex, parseManifest } from '../../oci/manifest.ts'
import { isImageConfigType, isIndexType, isManifestType } from '../../oci/media-type.ts'
import {
  formatPlatform,
  isUnknownPlatform,
  type PlatformFilter,
  platformWanted,
} from '../../oci/platform.ts'
import { collect } from '../../streams/byte-source.ts'
import type { RangedSource } from '../../transport/image-transport.ts'
import type { Detail } from './bootstrap.ts'
import { remoteSource } from './blob-source.ts'
import { type Facts, Rows } from './facts.ts'
import { identify } from './identify.ts'
import { inspectLayer } from './layer.ts'

/** What of an image is shown. */
export interface ImageInit {
  /** Names the image in messages. */
  name: string
  detail: Detail
  /** Number of the layer that is looked into, from 1; without one it is the bootstrap, where there is one. */
  layer?: number | undefined
  /** Members of an index that are shown. */
  platforms: PlatformFilter
  signal: AbortSignal
}

/**
 * What an image says, from its index down: manifests, layers and what each of them is. Of layers footers and tables
 * are fetched; a bootstrap layer is pulled whole, verified. Throws CONTENT_…, REGISTRY_…, IMAGE_…, FORMAT_…,
 * CONFIG_ARGUMENT_INVALID for a layer that is not there.
 */
export async function inspectImage(
  source: RangedSource,
  root: Descriptor,
  init: ImageInit,
): Promise<Facts> {
  const { mediaType, digest, size } = root
  const head = { reference: init.name, mediaType, digest, size }
  if (!isIndexType(mediaType)) return { ...head, ...(await imageFacts(source, root, init)) }
  const bytes = await source.manifest(root, { signal: init.signal })
  const index = parseIndex(bytes, `${init.name} (${digest})`)
  const images: Facts[] = []
  for (const member of index.manifests) {
    if (!isWanted(member, init.platforms)) continue
    images.push({
      digest: member.digest,
      platform: member.platform && formatPlatform(member.platform),
      ...(await imageFacts(source, member, init)),
    })
  }
  return {
    ...head,
    subject: index.subject?.digest,
    annotations: index.annotations,
    members: new Rows(() =>
      index.manifests.map((member) => ({
        platform: member.platform && formatPlatform(member.platform),
        digest: member.digest,
        size: member.size,
        mediaType: member.mediaType,
        artifactType: member.artifactType,
        features: member.platform?.['os.features'],
        annotations: pairs(member.annotations),
      })),
    ),
    images,
  }
}

function isWanted(member: Descriptor, platforms: PlatformFilter): boolean {
  if (!isManifestType(member.mediaType) || isUnknownPlatform(member)) return false
  return member.platform === undefined || platformWanted(platforms, member.platform)
}

async function imageFacts(
  source: RangedSource,
  descriptor: Descriptor,
  init: ImageInit,
): Promise<Facts> {
  const { name, signal } = init
  const bytes = await source.manifest(descriptor, { signal })
  const manifest = parseManifest(bytes, `${name} (${descriptor.digest})`)
  const kinds: string[] = []
  for (const layer of manifest.layers) {
    kinds.push(await kindOf(source, layer, init))
  }
  const shown = layersToShow(manifest, init)
  const layers: Facts[] = []
  for (const number of shown) {
    layers.push({ layer: number, ...(await layerFacts(source, manifest, number, init)) })
  }
  return {
    artifactType: manifest.artifactType,
    config: manifest.config.digest,
    configType: manifest.config.mediaType,
    subject: manifest.subject?.digest,
    annotations: manifest.annotations,
    ...(await configFacts(source, manifest, init)),
    layers: new Rows(() =>
      manifest.layers.map(({ mediaType, digest, size, annotations }, i) => ({
        layer: i + 1,
        what: kinds[i],
        size,
        digest,
        mediaType,
        annotations: pairs(annotations),
      })),
    ),
    ...(layers.length === 1 ? { contents: layers[0] } : { contents: layers }),
  }
}

/** What the config says of the platform, where the manifest is an image's. */
async function configFacts(
  source: RangedSource,
  { config }: Manifest,
  { name, signal }: ImageInit,
): Promise<Facts> {
  if (!isImageConfigType(config.mediaType)) return {}
  const what = `${name}, config ${config.digest}`
  const tooLarge = (size: number): AccelError =>
    new AccelError('CONTENT_TOO_LARGE', { what, size, limit: MAX_DOCUMENT_SIZE })
  const bytes = await collect(source.blob(config, { signal }), MAX_DOCUMENT_SIZE, tooLarge)
  const { os = '', architecture = '', variant, created } = parseImageConfig(bytes, what)
  return {
    platform: formatPlatform({ os, architecture, ...(variant && { variant }) }),
    created: typeof created === 'string' ? created : undefined,
  }
}

/** What a layer is, by its annotations and its first and last bytes. */
async function kindOf(source: RangedSource, layer: Descriptor, init: ImageInit): Promise<string> {
  if (layer.annotations?.[BOOTSTRAP_ANNOTATION] === 'true') return 'Nydus bootstrap'
  const what = layerName(init.name, layer)
  const bytes = remoteSource(source, layer, { what, signal: init.signal })
  try {
    return await identify(bytes, what, layer.annotations)
  } catch (error) {
    if (error instanceof AccelError && error.code === 'FORMAT_UNKNOWN') return 'unknown'
    throw error
  }
}

function layersToShow({ layers }: Manifest, { layer, detail, name }: ImageInit): number[] {
  if (layer !== undefined) {
    if (layer <= layers.length) return [layer]
    throw new AccelError('CONTENT_NOT_FOUND', {
      what: `layer ${layer}`,
      where: `${name}, which has ${layers.length}`,
    })
  }
  const all = layers.map((_, i) => i + 1)
  const bootstraps = all.filter(
    (number) => layers[number - 1]?.annotations?.[BOOTSTRAP_ANNOTATION] === 'true',
  )
  if (bootstraps.length > 0) return bootstraps
  return detail.tree || detail.chunks ? all : []
}

function layerFacts(
  source: RangedSource,
  { layers }: Manifest,
  number: number,
  { name, detail, signal }: ImageInit,
): Promise<Facts> {
  const layer = layers[number - 1] as Descriptor
  const what = layerName(name, layer)
  const bytes = remoteSource(source, layer, { what, signal })
  const whole = () => source.blob(layer, { signal })
  return inspectLayer(bytes, { what, annotations: layer.annotations, whole }, detail)
}

function layerName(name: string, { digest }: Descriptor): string {
  return `${name}, layer ${digest}`
}

function pairs(annotations: Readonly<Record<string, string>> | undefined): string[] | undefined {
  return annotations && Object.entries(annotations).map(([name, value]) => `${name}=${value}`)
}
