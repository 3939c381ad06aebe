import { AccelError, isAccelError } from '../../errors/accel-error.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { hexOf, isDigest, type Digest } from '../../oci/digest.ts'
import { parseIndex, parseManifest, type Manifest } from '../../oci/manifest.ts'
import { isEncryptedType, isIndexType, isManifestType } from '../../oci/media-type.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import type { ImageContext, OpenedImage } from '../image-step.ts'
import { BOOTSTRAP_ANNOTATION } from './annotation.ts'
import type { DictionaryJobData, DictionaryJobResult } from './dictionary-job.ts'
import type { NydusOptions } from './options.ts'

const DICTIONARY_JOB = moduleBeside(import.meta.url, './dictionary-job')

/** An image whose chunks need not be stored again. */
export interface Dictionary {
  image: OpenedImage
  /** Of its manifest or index: what the tag named when the conversion began. */
  digest: Digest
  /** Files of its bootstraps: one, or one for each Nydus manifest of an index. */
  bootstraps: string[]
  /** The blobs of its manifests, by their ids; those that are kept elsewhere are not among them. */
  blobs: ReadonlyMap<string, Descriptor>
}

/**
 * Reads the image that `chunk_dict_ref` names; its bootstraps are kept in files. All manifests of an index count, as
 * images of several platforms have files in common. Each of its blobs must be where readers of the result look for it: named by a
 * manifest, from where it goes with the result, or in the place for blobs. Throws DRIVER_DICTIONARY_UNUSABLE where it is not
 * what the conversion needs, REFERENCE_…, REGISTRY_…, CONTENT_…, BACKEND_….
 */
export async function openDictionary(
  reference: string,
  { format, store }: Pick<NydusOptions, 'format' | 'store'>,
  context: ImageContext,
): Promise<Dictionary> {
  const unusable = (problem: string, cause?: unknown): AccelError =>
    new AccelError('DRIVER_DICTIONARY_UNUSABLE', { reference, problem }, { cause })
  const image = await context.openImage(reference)
  const root = await image.source.resolve(image.tag, context)
  const manifests = await nydusManifests(root, image, context)
  if (manifests.length === 0) {
    throw unusable('it is no Nydus image: no last layer is marked as a bootstrap')
  }
  const bootstraps: string[] = []
  const used = new Set<string>()
  for (const { layers } of manifests) {
    const layer = layers.at(-1)!
    if (isEncryptedType(layer.mediaType)) throw unusable('its bootstrap is encrypted')
    const path = context.newFile()
    const what = `${image.name} bootstrap (${layer.digest})`
    const data: DictionaryJobData = { what, format, path }
    const found = await context.threads
      .run<DictionaryJobResult>({
        what,
        call: { module: DICTIONARY_JOB, data },
        open: (signal) => image.source.blob(layer, { signal }),
        slabSize: { input: 0, output: 0 },
        signal: context.signal,
      })
      .catch((error: unknown) => {
        throw isAccelError(error) && error.code.startsWith('FORMAT_')
          ? unusable(error.message, error)
          : error
      })
    if (found.problem !== undefined) throw unusable(found.problem)
    for (const id of found.blobIds) used.add(id)
    bootstraps.push(path)
  }
  const blobs = manifests.flatMap(({ layers }) => layers.slice(0, -1))
  const byId = new Map(blobs.map((blob) => [hexOf(blob.digest), blob]))
  for (const id of used) {
    if (byId.has(id)) continue
    const problem = `its bootstrap refers to the blob ${id}, which its manifest does not name`
    if (store === undefined) {
      throw unusable(`${problem}: it is kept elsewhere, where readers of the result would not look`)
    }
    const digest = `sha256:${id}`
    if (!isDigest(digest) || !(await store.sizeOf(digest, context))) {
      throw unusable(`${problem} and which is not in ${store.name}`)
    }
  }
  return { image, digest: root.digest, bootstraps, blobs: byId }
}

/** The manifests at or below `descriptor` that are Nydus images. */
async function nydusManifests(
  descriptor: Descriptor,
  { source, name }: OpenedImage,
  { signal }: ImageContext,
): Promise<Manifest[]> {
  const read = async (one: Descriptor): Promise<Manifest[]> => {
    const manifest = parseManifest(await source.manifest(one, { signal }), name)
    return manifest.layers.at(-1)?.annotations?.[BOOTSTRAP_ANNOTATION] === 'true' ? [manifest] : []
  }
  if (!isIndexType(descriptor.mediaType)) return read(descriptor)
  const index = parseIndex(await source.manifest(descriptor, { signal }), name)
  const found: Manifest[] = []
  for (const member of index.manifests) {
    if (isManifestType(member.mediaType)) found.push(...(await read(member)))
  }
  return found
}
