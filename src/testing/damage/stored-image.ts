/** A converted image in memory, taken apart, so that a test can change any part of it and store it again. */
import { openLayoutSource, openLayoutTarget } from '../../layout/location.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { parseIndex, parseManifest, type Manifest } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-type.ts'
import { collect } from '../../streams/byte-source.ts'
import { buildBlob, pushBuilt } from '../image-builder.ts'

/** A layer with the bytes of its blob. */
export interface StoredLayer {
  descriptor: Descriptor
  diffId: Digest
  bytes: Uint8Array
}

/** An image of one manifest. What is derived (digests of documents) is made again when it is stored. */
export interface StoredImage {
  /** Its `config` and `layers` are those below. */
  manifest: Manifest
  /** Its `rootfs` is made of the layers. */
  config: Record<string, unknown>
  layers: StoredLayer[]
  /** Blobs that the layers refer to and the manifest does not name. */
  others: Descriptor[]
  otherBytes: Map<Digest, Uint8Array>
}

const MAX_BLOB = 64 * 1024 * 1024

/** Reads an image from an OCI layout, of an index the member number `member`. */
export async function loadImage(location: string, member = 0): Promise<StoredImage> {
  const { source, tag } = await openLayoutSource(location)
  const read = (descriptor: Descriptor): Promise<Uint8Array> =>
    collect(source.blob(descriptor), MAX_BLOB, (size) => new Error(`${size} bytes`))
  let root = await source.resolve(tag)
  if (isIndexType(root.mediaType)) {
    root = parseIndex(await source.manifest(root), location).manifests[member]!
  }
  const manifest = parseManifest(await source.manifest(root), location)
  const config = JSON.parse(Buffer.from(await read(manifest.config)).toString()) as {
    rootfs: { diff_ids: Digest[] }
  }
  const layers = await Promise.all(
    manifest.layers.map(async (descriptor, i) => ({
      descriptor,
      diffId: config.rootfs.diff_ids[i]!,
      bytes: await read(descriptor),
    })),
  )
  return { manifest, config: { ...config }, layers, others: [], otherBytes: new Map() }
}

/** Writes an image to an OCI layout, with the digests that its parts have now. */
export async function storeImage(image: StoredImage, location: string): Promise<void> {
  const { manifest, layers, others, otherBytes } = image
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) }
  const config = buildBlob(
    Buffer.from(JSON.stringify({ ...image.config, rootfs })),
    manifest.config.mediaType,
  )
  const document = Buffer.from(
    JSON.stringify({
      ...manifest,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    }),
  )
  const { mediaType } = manifest
  const blobs = [
    config,
    ...layers.map(({ bytes, descriptor }) => buildBlob(bytes, descriptor.mediaType)),
    ...others.map(({ digest, mediaType: type }) => buildBlob(otherBytes.get(digest)!, type)),
  ]
  const descriptor = { mediaType: mediaType!, digest: digestOf(document), size: document.length }
  await using layout = await openLayoutTarget(location)
  await pushBuilt({ descriptor, bytes: document, blobs, children: [] }, layout.target, {
    tag: 'latest',
  })
}

/** Gives a layer another blob; descriptor and annotations follow. */
export function replaceBlob(
  layer: StoredLayer,
  bytes: Uint8Array,
  annotations: Readonly<Record<string, string>> = {},
): void {
  const { descriptor } = layer
  layer.bytes = bytes
  layer.descriptor = {
    ...descriptor,
    digest: digestOf(bytes),
    size: bytes.length,
    annotations: { ...descriptor.annotations, ...annotations },
  }
}

/** The annotations of a layer, to be changed. */
export function annotationsOf({ descriptor }: StoredLayer): Record<string, string> {
  descriptor.annotations = { ...descriptor.annotations }
  return descriptor.annotations
}
