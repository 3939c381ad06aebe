import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { MAX_DOCUMENT_SIZE, parseObject } from '../oci/json-document.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../oci/media-type.ts'
import { collect } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import type { CallInit, RangedSource } from '../transport/image-transport.ts'
import { blobPath, readDocument, readPart, type LayoutFiles } from './layout-files.ts'
import {
  entryOf,
  imagesOf,
  INDEX_PATH,
  parseLayoutIndex,
  tagsOf,
  type LayoutIndex,
} from './layout-index.ts'

/** An OCI image layout as a source. Source: OCI image-spec image-layout.md. */
export function layoutSource(files: LayoutFiles): RangedSource {
  return {
    name: files.name,
    async resolve(tagOrDigest, init) {
      const index = await readLayoutIndex(files, init)
      if (tagOrDigest === undefined) return onlyImage(files, index)
      const entry = entryOf(index, tagOrDigest)
      if (entry !== undefined) return plain(entry)
      if (isDigest(tagOrDigest)) return describeManifest(files, tagOrDigest, init)
      throw notFound(tagOrDigest, files)
    },
    async manifest(descriptor, init) {
      const { digest, size } = descriptor
      const what = `${files.name}@${digest}`
      if (size > MAX_DOCUMENT_SIZE) {
        throw new AccelError('CONTENT_TOO_LARGE', { what, size, limit: MAX_DOCUMENT_SIZE })
      }
      const unexpected = () =>
        new AccelError('CONTENT_SIZE_MISMATCH', { what, want: size, got: size + 1 })
      return collect(this.blob(descriptor, init), size, unexpected)
    },
    blob(descriptor, init) {
      const what = `${files.name}@${descriptor.digest}`
      return verified(files.read(blobPath(descriptor.digest), init), descriptor, what)
    },
    blobRange: ({ digest }, range, init) => readPart(files, blobPath(digest), range, init),
  }
}

/** What `index.json` says. Throws LAYOUT_INVALID when there is none, IMAGE_MANIFEST_INVALID. */
export async function readLayoutIndex(
  files: LayoutFiles,
  init: CallInit = {},
): Promise<LayoutIndex> {
  if ((await files.size(INDEX_PATH)) === undefined) {
    throw new AccelError('LAYOUT_INVALID', {
      location: files.name,
      problem: `it has no ${INDEX_PATH}, so it is not an OCI image layout`,
    })
  }
  const what = `${files.name}: ${INDEX_PATH}`
  return parseLayoutIndex(await readDocument(files, INDEX_PATH, init), what)
}

/** Only type, digest and size: what an index says beside them is about the layout, not about the image. */
export function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

function onlyImage(files: LayoutFiles, index: LayoutIndex): Descriptor {
  const images = imagesOf(index)
  const found = images.length === 1 ? images[0] : entryOf(index, 'latest')
  if (found !== undefined) return plain(found)
  if (images.length === 0) throw notFound('an image', files)
  throw new AccelError('LAYOUT_TAG_NEEDED', { location: files.name, tags: tagsOf(index) })
}

/** A manifest that the index does not name, such as a member of a nested index. */
async function describeManifest(
  files: LayoutFiles,
  digest: Digest,
  init: CallInit = {},
): Promise<Descriptor> {
  if ((await files.size(blobPath(digest))) === undefined) throw notFound(digest, files)
  const bytes = await readDocument(files, blobPath(digest), init)
  const { mediaType, manifests } = parseObject(bytes, `${files.name}@${digest}`)
  const guessed = manifests === undefined ? OCI_MANIFEST : OCI_INDEX
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : guessed,
    digest,
    size: bytes.length,
  }
}

function notFound(what: string, files: LayoutFiles): AccelError {
  return new AccelError('CONTENT_NOT_FOUND', { what, where: files.name })
}
