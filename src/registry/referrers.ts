import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { hexOf, type Digest } from '../oci/digest.ts'
import { isIndexType, OCI_INDEX } from '../oci/media-type.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { getManifest, MAX_MANIFEST_SIZE } from './manifest-pull.ts'
import { putManifest } from './manifest-put.ts'
import type { RepositoryAccess } from './repository-access.ts'

/** The list of referrers under a tag is written this often before the write is given up as lost. */
const MAX_WRITES = 2

/** Writers of one list in this process take turns. */
const writing = new Map<string, Promise<void>>()

/**
 * Makes a manifest findable from its subject after a PUT whose answer had no OCI-Subject: nothing is to do where the registry
 * has the referrers API; where it has not (404), the list under the tag `sha256-<hex>` gets an entry. Entries of others stay.
 * Source: OCI distribution-spec, "Pushing Manifests with Subject" and "Referrers Tag Schema".
 */
export async function announceReferrer(
  access: RepositoryAccess,
  bytes: Uint8Array,
  descriptor: Descriptor,
  subject: Digest,
  init: CallInit,
): Promise<void> {
  if (await hasReferrersApi(access, subject, init)) return
  const tag = `sha256-${hexOf(subject)}`
  const key = access.describe(tag)
  const turn = (writing.get(key) ?? Promise.resolve()).then(() =>
    addEntry(access, tag, entryOf(bytes, descriptor), init),
  )
  const settled = turn.catch(() => {})
  writing.set(key, settled)
  try {
    await turn
  } finally {
    if (writing.get(key) === settled) writing.delete(key)
  }
}

async function hasReferrersApi(
  access: RepositoryAccess,
  subject: Digest,
  init: CallInit,
): Promise<boolean> {
  const answer = await access.transport.send({
    ...access.request('pull', init),
    method: 'GET',
    target: access.path(`referrers/${subject}`),
    what: `the referrers of ${access.describe(subject)}`,
    headers: { accept: OCI_INDEX },
    expect: [200, 404],
  })
  await answer.discard()
  return answer.status === 200
}

async function addEntry(
  access: RepositoryAccess,
  tag: string,
  entry: Record<string, unknown>,
  init: CallInit,
): Promise<void> {
  for (let writes = 0; writes < MAX_WRITES; writes++) {
    const list = await readList(access, tag, init)
    if (hasEntry(list.manifests, entry)) return
    const bytes = Buffer.from(
      JSON.stringify({ ...list.rest, manifests: [...list.manifests, entry] }),
    )
    if (bytes.length > MAX_MANIFEST_SIZE) {
      throw new AccelError('CONTENT_TOO_LARGE', {
        what: access.describe(tag),
        size: bytes.length,
        limit: MAX_MANIFEST_SIZE,
      })
    }
    await putManifest(access, bytes, OCI_INDEX, tag, init)
    if (hasEntry((await readList(access, tag, init)).manifests, entry)) return
    access.log.debug('referrers list overwritten by another client', { what: access.describe(tag) })
  }
  throw new AccelError('REGISTRY_REFERRERS_CONFLICT', {
    what: access.describe(String(entry['digest'])),
    side: access.side,
    tag,
  })
}

interface List {
  /** The index without its entries. */
  rest: Record<string, unknown>
  manifests: unknown[]
}

async function readList(access: RepositoryAccess, tag: string, init: CallInit): Promise<List> {
  const empty = { schemaVersion: 2, mediaType: OCI_INDEX }
  const got = await getManifest(access, tag, init)
  if (got === undefined) return { rest: empty, manifests: [] }
  const what = access.describe(tag)
  const invalid = (problem: string) => new AccelError('IMAGE_MANIFEST_INVALID', { what, problem })
  if (got.contentType !== '' && !isIndexType(got.contentType))
    throw invalid('a list of referrers is an index')
  let document: unknown
  try {
    document = JSON.parse(Buffer.from(got.bytes).toString('utf8'))
  } catch {
    throw invalid('it is not JSON')
  }
  if (typeof document !== 'object' || document === null) throw invalid('it is not an object')
  const { manifests = [], ...rest } = document as Record<string, unknown>
  if (!Array.isArray(manifests)) throw invalid('its manifests are not a list')
  return { rest: { ...rest, ...empty }, manifests }
}

function hasEntry(manifests: unknown[], entry: Record<string, unknown>): boolean {
  return manifests.some(
    (other) => (other as { digest?: unknown } | null)?.digest === entry['digest'],
  )
}

/** The list's entry: the descriptor with the artifact type, or config type, and annotations of the manifest. */
function entryOf(bytes: Uint8Array, descriptor: Descriptor): Record<string, unknown> {
  const manifest = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    artifactType?: unknown
    config?: { mediaType?: unknown }
    annotations?: unknown
  }
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType
  const { mediaType, digest, size } = descriptor
  return {
    mediaType,
    digest,
    size,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(typeof manifest.annotations === 'object' && manifest.annotations !== null
      ? { annotations: manifest.annotations }
      : {}),
  }
}
