import { AccelError } from '../errors/accel-error.ts'
import { hexOf, isDigest, type Digest } from '../oci/digest.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import { collect } from '../streams/byte-source.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { MAX_MANIFEST_SIZE, getManifest } from './manifest-pull.ts'
import type { RepositoryAccess } from './repository-access.ts'

/** A manifest that names another as its subject, as the list has it; Harbor's sizes are not those of manifests. */
export interface Referrer {
  digest: Digest
  mediaType: string
  artifactType?: string
  annotations: Readonly<Record<string, string>>
}

/** What belongs to a manifest, and where that was found: by the referrers API, or by the tag that stands in for it. */
export interface Referrers {
  by: 'api' | 'tag'
  list: Referrer[]
}

/**
 * The first page of what names `subject` as its subject; by the referrers tag schema where the registry has no referrers
 * API. Lists are read leniently, as registries leave out members. Throws REGISTRY_…, CONTENT_TOO_LARGE.
 * Source: OCI distribution-spec, "Listing Referrers".
 */
export async function listReferrers(
  access: RepositoryAccess,
  subject: Digest,
  init: CallInit,
): Promise<Referrers> {
  const what = `the referrers of ${access.describe(subject)}`
  const answer = await access.transport.send({
    ...access.request('pull', init),
    method: 'GET',
    target: access.path(`referrers/${subject}`),
    what,
    headers: { accept: OCI_INDEX },
    // a registry without the API may know neither path nor method
    expect: [200, 400, 404, 405],
  })
  if (answer.status === 200) {
    const limit = MAX_MANIFEST_SIZE
    const tooLarge = (size: number): AccelError =>
      new AccelError('CONTENT_TOO_LARGE', { what, size, limit })
    return { by: 'api', list: entriesIn(await collect(answer.body, limit, tooLarge)) }
  }
  await answer.discard()
  const tagged = await getManifest(access, `sha256-${hexOf(subject)}`, init)
  return { by: 'tag', list: tagged === undefined ? [] : entriesIn(tagged.bytes) }
}

function entriesIn(bytes: Uint8Array): Referrer[] {
  const { manifests } = (parsed(bytes) ?? {}) as { manifests?: unknown }
  return Array.isArray(manifests) ? (manifests as unknown[]).flatMap(entryIn) : []
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

function entryIn(entry: unknown): Referrer[] {
  if (typeof entry !== 'object' || entry === null) return []
  const { digest, mediaType, artifactType, annotations } = entry as Record<string, unknown>
  if (typeof digest !== 'string' || !isDigest(digest) || typeof mediaType !== 'string') return []
  const pairs = Object.entries(
    typeof annotations === 'object' && annotations !== null ? annotations : {},
  )
  const texts = pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  return [
    {
      digest,
      mediaType,
      annotations: Object.fromEntries(texts),
      ...(typeof artifactType === 'string' ? { artifactType } : {}),
    },
  ]
}
