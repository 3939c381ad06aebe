import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { parseImageConfig, type ImageConfig } from '../oci/image-config.ts'
import { MAX_DOCUMENT_SIZE } from '../oci/json-document.ts'
import { parseIndex, parseManifest, type Manifest } from '../oci/manifest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { formatPlatform, isUnknownPlatform } from '../oci/platform.ts'
import { AccelError } from '../errors/accel-error.ts'
import { collect } from '../streams/byte-source.ts'
import type { ImageSource } from '../transport/image-transport.ts'

/** An image of the target, of whatever format. */
export interface TargetImage {
  /** Names it in messages: the target and, in an index, the platform. */
  what: string
  descriptor: Descriptor
  manifest: Manifest
  config: ImageConfig
  platform: Platform
}

/** The images below `root`; attestations are none. Throws CONTENT_…, IMAGE_…. */
export async function targetImages(
  target: ImageSource,
  root: Descriptor,
  name: string,
  signal: AbortSignal,
): Promise<TargetImage[]> {
  if (!isIndexType(root.mediaType)) return [await targetImage(target, root, name, signal)]
  const index = parseIndex(await target.manifest(root, { signal }), `${name} (${root.digest})`)
  const images: TargetImage[] = []
  for (const member of index.manifests) {
    if (isIndexType(member.mediaType)) {
      images.push(...(await targetImages(target, member, name, signal)))
    } else if (isManifestType(member.mediaType) && !isUnknownPlatform(member)) {
      const what = member.platform ? `${name} (${formatPlatform(member.platform)})` : name
      images.push(await targetImage(target, member, what, signal))
    }
  }
  return images
}

async function targetImage(
  target: ImageSource,
  descriptor: Descriptor,
  what: string,
  signal: AbortSignal,
): Promise<TargetImage> {
  const bytes = await target.manifest(descriptor, { signal })
  const manifest = parseManifest(bytes, `${what} (${descriptor.digest})`)
  const name = `${what} config (${manifest.config.digest})`
  const tooLarge = (size: number): Error =>
    new AccelError('CONTENT_TOO_LARGE', { what: name, size, limit: MAX_DOCUMENT_SIZE })
  const document = target.blob(manifest.config, { signal })
  const config = parseImageConfig(await collect(document, MAX_DOCUMENT_SIZE, tooLarge), name)
  const { os = 'linux', architecture = 'unknown', variant } = config
  const platform = descriptor.platform ?? {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
  }
  return { what, descriptor, manifest, config, platform }
}
