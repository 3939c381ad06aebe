import { targetImages, type TargetImage } from '../check/target-image.ts'
import { SOURCE_DIGEST_ANNOTATION } from '../drivers/nydus/annotation.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { ACCELERATION_SOURCE_DIGEST } from '../oci/annotation.ts'
import type { Digest } from '../oci/digest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import type { RepositoryProbe } from '../registry/repository-probe.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import { layerKind } from '../verify/layer-kind.ts'
import type { MeasuredImage } from './measure.ts'

/** Tags that begin like that of the source: so many are known of, and so many looked into. */
const MAX_KNOWN = 1000
const MAX_TAGS = 50

/** Referrers that are looked into: signatures, SBOMs and the like are some of them. */
const MAX_REFERRERS = 50

/** An image by its tag or digest, with all its platforms. */
export async function loadImages(
  repository: RegistryRepository,
  name: string,
  signal: AbortSignal,
): Promise<MeasuredImage[]> {
  const root = await repository.resolve(name, { signal })
  const separator = name.includes(':') ? '@' : ':'
  const what = `${repository.name}${separator}${name}`
  const images = await targetImages(repository, root, what, signal)
  return images.map((image) => ({ repository, name, root, image }))
}

/** Where images of one repository are looked for. */
export interface Surroundings {
  repository: RegistryRepository
  probe: Pick<RepositoryProbe, 'referrers'>
  signal: AbortSignal
}

/**
 * What was made of an image and lies beside it: under tags that begin with the image's own, and by their `subject` or
 * annotations made of it; and what the registry lists as its referrers, which may have any tag, or none. Images of other
 * kinds are passed over. Without a `tag` the referrers alone are looked at.
 */
export async function findVariants(
  { repository, probe, signal }: Surroundings,
  tag: string | undefined,
  sources: readonly MeasuredImage[],
): Promise<MeasuredImage[]> {
  const digests = new Set(
    sources.flatMap(({ root, image }) => [root.digest, image.descriptor.digest]),
  )
  const found: MeasuredImage[] = []
  const names = tag === undefined ? [] : await likelyTags(repository, tag, signal)
  for (const name of names) {
    for (const measured of await imagesUnder(repository, name, signal)) {
      if (isConverted(measured.image) && isMadeOf(measured.image, digests)) found.push(measured)
    }
  }
  const known = new Set(found.flatMap(({ root, image }) => [root.digest, image.descriptor.digest]))
  for (const digest of await referrersOf(probe, digests, signal)) {
    if (known.has(digest)) continue
    for (const measured of await imagesUnder(repository, digest, signal)) {
      const { descriptor } = measured.image
      if (!isConverted(measured.image) || known.has(descriptor.digest)) continue
      found.push(measured)
      known.add(descriptor.digest)
    }
  }
  return found
}

async function likelyTags(
  repository: RegistryRepository,
  tag: string,
  signal: AbortSignal,
): Promise<string[]> {
  const names: string[] = []
  for await (const name of repository.tags({ signal })) {
    if (name !== tag && name.startsWith(tag)) names.push(name)
    if (names.length === MAX_KNOWN) break
  }
  // 1.2-nydus before 1.20
  const isSuffix = (name: string): boolean => /^[-_.]/.test(name.slice(tag.length))
  const likely = names.toSorted((a, b) => Number(isSuffix(b)) - Number(isSuffix(a)))
  return likely.slice(0, MAX_TAGS)
}

/** Manifests and indexes that name one of `subjects` as their subject, those of an index before those of its members. */
async function referrersOf(
  probe: Surroundings['probe'],
  subjects: Iterable<Digest>,
  signal: AbortSignal,
): Promise<Digest[]> {
  const found = new Set<Digest>()
  for (const subject of subjects) {
    const { list } = await probe.referrers(subject, { signal })
    for (const { digest, mediaType } of list) {
      if (isManifestType(mediaType) || isIndexType(mediaType)) found.add(digest)
    }
  }
  return [...found].slice(0, MAX_REFERRERS)
}

/** Signatures and the like have tags too, and are no images. */
async function imagesUnder(
  repository: RegistryRepository,
  name: string,
  signal: AbortSignal,
): Promise<MeasuredImage[]> {
  try {
    return await loadImages(repository, name, signal)
  } catch (error) {
    const skipped = ['IMAGE_MANIFEST_INVALID', 'CONTENT_NOT_FOUND', 'CONTENT_TOO_LARGE'] as const
    if (skipped.some((code) => isAccelError(error, code))) return []
    throw error
  }
}

function isConverted({ manifest }: TargetImage): boolean {
  return manifest.layers.some((layer) => layerKind(layer) !== 'ordinary')
}

function isMadeOf({ manifest }: TargetImage, digests: ReadonlySet<Digest>): boolean {
  const { annotations = {}, subject } = manifest
  const named = [
    subject?.digest,
    annotations[ACCELERATION_SOURCE_DIGEST],
    annotations[SOURCE_DIGEST_ANNOTATION],
  ]
  return named.some((digest) => digest !== undefined && digests.has(digest as Digest))
}
