import { OCI_REF_NAME } from '../oci/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseIndex, type Index } from '../oci/manifest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import { hexOf, type Digest } from '../oci/digest.ts'

/** The path of the index of a layout. Source: OCI image-spec image-layout.md, "index.json file". */
export const INDEX_PATH = 'index.json'

/** The path of the file that says that a directory is a layout, and its content. */
export const MARKER_PATH = 'oci-layout'
export const MARKER = encodeDocument({ imageLayoutVersion: '1.0.0' })

/** What `index.json` says: which manifests there are, and under which tags. Members of others are kept. */
export type LayoutIndex = Index

export function emptyLayoutIndex(): LayoutIndex {
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }
}

/** Throws IMAGE_MANIFEST_INVALID. */
export function parseLayoutIndex(bytes: Uint8Array, what: string): LayoutIndex {
  return parseIndex(bytes, what)
}

/** The manifest under a tag, or with a digest. Of two under one tag the later one counts, as it was written last. */
export function entryOf(index: LayoutIndex, tagOrDigest: string): Descriptor | undefined {
  return index.manifests.findLast(
    (entry) => tagOf(entry) === tagOrDigest || entry.digest === tagOrDigest,
  )
}

/** The tags in order of the index; those that only list referrers are left out. */
export function tagsOf(index: LayoutIndex): string[] {
  const tags = index.manifests.map(tagOf).filter((tag) => tag !== undefined)
  return [...new Set(tags)].filter((tag) => !referrersTagForm.test(tag))
}

/** The images that the index names for themselves: one of each digest, without lists of referrers. */
export function imagesOf(index: LayoutIndex): Descriptor[] {
  const images = index.manifests.filter((entry) => !referrersTagForm.test(tagOf(entry) ?? ''))
  return [...new Map(images.map((entry) => [entry.digest, entry])).values()]
}

/** The index with a manifest under a tag, in place of what was there; all else is kept. */
export function withEntry(index: LayoutIndex, descriptor: Descriptor, tag: string): LayoutIndex {
  const { mediaType, digest, size } = descriptor
  const entry = { mediaType, digest, size, annotations: { [OCI_REF_NAME]: tag } }
  return {
    ...index,
    manifests: [...index.manifests.filter((other) => tagOf(other) !== tag), entry],
  }
}

/** The tag under which the referrers of `subject` are listed. Source: OCI distribution-spec, "Referrers Tag Schema". */
export function referrersTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`
}

/** A list of referrers with one more entry for the manifest `bytes`; undefined when it has it already. */
export function withReferrer(
  list: Index,
  bytes: Uint8Array,
  descriptor: Descriptor,
): Index | undefined {
  if (list.manifests.some((entry) => entry.digest === descriptor.digest)) return undefined
  const manifest = JSON.parse(Buffer.from(bytes).toString()) as {
    artifactType?: string
    config?: { mediaType?: string }
    annotations?: Record<string, string>
  }
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType
  const { mediaType, digest, size } = descriptor
  const entry: Descriptor = { mediaType, digest, size }
  if (artifactType !== undefined) entry.artifactType = artifactType
  if (manifest.annotations !== undefined) entry.annotations = manifest.annotations
  return { ...list, manifests: [...list.manifests, entry] }
}

const referrersTagForm = /^sha256-[0-9a-f]{64}$/

function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[OCI_REF_NAME]
}
