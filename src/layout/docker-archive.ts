import { createHash } from 'node:crypto'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestFrom, digestOf, isDigest, type Digest } from '../oci/digest.ts'
import { parseImageConfig } from '../oci/image-config.ts'
import { encodeDocument } from '../oci/json-document.ts'
import {
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import { formatReference, parseReference, withTag } from '../oci/reference.ts'
import { verified } from '../streams/verified.ts'
import type { CallInit, RangedSource } from '../transport/image-transport.ts'
import { archiveFiles } from './archive-files.ts'
import { readDocument, readPart, type LayoutFiles } from './layout-files.ts'

/** The path of the list of images. Source: moby image/spec/v1.3, "Combined Image JSON + Filesystem Changeset Format". */
const LIST_PATH = 'manifest.json'

/** An image of the list: paths of its config and layers, and its names. */
interface SavedImage {
  Config: string
  RepoTags: string[]
  Layers: string[]
}

/** An image with the manifest that it would have in a registry. */
interface Assembled {
  descriptor: Descriptor
  bytes: Uint8Array
  /** The paths of config and layers. */
  paths: ReadonlyMap<Digest, string>
}

/**
 * An archive of `docker save` or `podman save` as a source; of both its forms, that with `<id>/layer.tar` and that
 * with `blobs/sha256/…`. It holds no manifest in the first and need not in the second, so one is made of the config
 * and the layers as they are stored: OCI's, since skopeo and podman find no other in a layout. Tars are known by the
 * diffIds of the config; a compressed layer that is not named by its digest is read once to know it.
 */
export function dockerArchiveSource(path: string, name: string): RangedSource {
  const files = archiveFiles(path, name)
  const assembled = new Map<SavedImage, Assembled>()
  let list: SavedImage[] | undefined

  const images = async (init?: CallInit) => (list ??= await readList(files, init))
  const assembly = async (image: SavedImage, init?: CallInit) => {
    const found = assembled.get(image) ?? (await assemble(files, image, init))
    assembled.set(image, found)
    return found
  }
  const pathOf = (digest: Digest): string | undefined =>
    [...assembled.values()]
      .map(({ paths }) => paths.get(digest))
      .find((found) => found !== undefined)
  const missing = (what: string) => new AccelError('CONTENT_NOT_FOUND', { what, where: name })

  return {
    name,
    async resolve(tagOrDigest, init) {
      const all = await images(init)
      if (isDigest(tagOrDigest)) {
        for (const image of all) {
          const { descriptor } = await assembly(image, init)
          if (descriptor.digest === tagOrDigest) return descriptor
        }
        throw missing(tagOrDigest)
      }
      const image = tagOrDigest === undefined ? onlyImage(name, all) : named(all, tagOrDigest)
      if (image === undefined) throw missing(tagOrDigest ?? 'an image')
      return (await assembly(image, init)).descriptor
    },
    async manifest({ digest }) {
      const found = [...assembled.values()].find(({ descriptor }) => descriptor.digest === digest)
      if (found === undefined) throw missing(digest)
      return found.bytes
    },
    async *blob(descriptor, init) {
      const file = pathOf(descriptor.digest)
      if (file === undefined) throw missing(descriptor.digest)
      yield* verified(files.read(file, init), descriptor, `${name}: ${file}`)
    },
    async blobRange({ digest }, range, init) {
      const file = pathOf(digest)
      if (file === undefined) throw missing(digest)
      return readPart(files, file, range, init)
    },
  }
}

async function readList(files: LayoutFiles, init?: CallInit): Promise<SavedImage[]> {
  if ((await files.size(LIST_PATH)) === undefined) {
    throw invalid(files, `it has no ${LIST_PATH}, so it was not made by docker save`)
  }
  const bytes = await readDocument(files, LIST_PATH, init)
  let list: unknown
  try {
    list = JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    throw invalid(files, `${LIST_PATH} is not JSON`, cause)
  }
  if (!Array.isArray(list)) throw invalid(files, `${LIST_PATH} is not a list`)
  return list.map((item: unknown, i) => {
    const { Config, RepoTags, Layers } = (item ?? {}) as Record<string, unknown>
    const tags = RepoTags ?? []
    if (typeof Config !== 'string' || !isTexts(Layers) || !isTexts(tags)) {
      throw invalid(files, `image ${i} of ${LIST_PATH} lacks Config, Layers or RepoTags`)
    }
    return { Config, Layers, RepoTags: tags }
  })
}

/** Makes the manifest of an image. */
async function assemble(
  files: LayoutFiles,
  image: SavedImage,
  init?: CallInit,
): Promise<Assembled> {
  const configBytes = await readDocument(files, image.Config, init)
  const config = parseImageConfig(configBytes, `${files.name}: ${image.Config}`)
  const diffIds = config.rootfs.diff_ids
  if (diffIds.length !== image.Layers.length) {
    const counts = `${diffIds.length} layers in the config, ${image.Layers.length} in ${LIST_PATH}`
    throw invalid(files, counts)
  }
  const paths = new Map<Digest, string>([[digestOf(configBytes), image.Config]])
  const layers: Descriptor[] = []
  for (const [i, path] of image.Layers.entries()) {
    const layer = await describeLayer(files, path, diffIds[i]!, init)
    paths.set(layer.digest, path)
    layers.push(layer)
  }
  const bytes = encodeDocument({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: {
      mediaType: OCI_CONFIG,
      size: configBytes.length,
      digest: digestOf(configBytes),
    },
    layers,
  })
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }
  return { descriptor, bytes, paths }
}

async function describeLayer(
  files: LayoutFiles,
  path: string,
  diffId: Digest,
  init?: CallInit,
): Promise<Descriptor> {
  const size = await files.size(path)
  if (size === undefined) {
    throw new AccelError('CONTENT_NOT_FOUND', { what: path, where: files.name })
  }
  const mediaType = await layerTypeOf(files, path, init)
  if (mediaType === OCI_LAYER_TAR) return { mediaType, size, digest: diffId }
  const named = `sha256:${path.replace(/^blobs\/sha256\//, '')}`
  if (isDigest(named)) return { mediaType, size, digest: named }
  const hash = createHash('sha256')
  for await (const chunk of files.read(path, init)) hash.update(chunk)
  return { mediaType, size, digest: digestFrom(hash) }
}

/** Docker writes tars, containerd's image store what the registry had; only the bytes tell. */
async function layerTypeOf(files: LayoutFiles, path: string, init?: CallInit): Promise<string> {
  for await (const chunk of files.read(path, init)) {
    const magic = Buffer.from(chunk.subarray(0, 4)).toString('hex')
    if (magic.startsWith('1f8b')) return OCI_LAYER_GZIP
    return magic === '28b52ffd' ? OCI_LAYER_ZSTD : OCI_LAYER_TAR
  }
  return OCI_LAYER_TAR
}

function onlyImage(name: string, images: SavedImage[]): SavedImage | undefined {
  if (images.length === 1) return images[0]
  const latest = images.filter((image) => image.RepoTags.some((tag) => tag.endsWith(':latest')))
  if (latest.length === 1) return latest[0]
  if (images.length === 0) return undefined
  const tags = images.flatMap((image) => image.RepoTags)
  throw new AccelError('LAYOUT_TAG_NEEDED', { location: name, tags })
}

/** The image of this name; `nginx`, `nginx:latest` and `docker.io/library/nginx:latest` are the same. */
function named(images: SavedImage[], reference: string): SavedImage | undefined {
  const wanted = canonical(reference)
  return images.find((image) => image.RepoTags.some((tag) => canonical(tag) === wanted))
}

function canonical(text: string): string {
  try {
    const reference = parseReference(text)
    return formatReference(reference.tag === undefined ? withTag(reference, 'latest') : reference)
  } catch (error) {
    if (!isAccelError(error, 'REFERENCE_INVALID')) throw error
    return text // a name that no registry has can still be compared
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function invalid(files: LayoutFiles, problem: string, cause?: unknown): AccelError {
  return new AccelError('LAYOUT_INVALID', { location: files.name, problem }, { cause })
}
