import { isDigest, digestOf, type Digest } from '../../oci/digest.ts'
import { isIndexType, isManifestType, layerType } from '../../oci/media-type.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { collect } from '../../streams/byte-source.ts'
import type { RegistryContext } from './context.ts'
import { type Exchange, type Headers, Interrupted } from './exchange.ts'
import { isTag } from './name.ts'
import type { StoredManifest, StoredRepository } from './storage.ts'

/** Largest manifest that is taken, as in distribution and Harbor. */
const MAX_MANIFEST_SIZE = 4 * 1024 * 1024

/** `GET` and `HEAD /v2/<name>/manifests/<reference>`. */
export async function getManifest(context: RegistryContext, exchange: Exchange): Promise<void> {
  const { repository, reference } = exchange
  const manifest = context.storage.manifest(repository, reference)
  if (manifest === undefined) return unknown(exchange)
  if (context.harbor !== undefined && !accepts(exchange, manifest)) {
    const kind = isIndexType(manifest.mediaType) ? 'index' : 'manifest'
    const message = `OCI ${kind} found, but accept header does not support OCI ${kind}s`
    await exchange.refuse(404, 'MANIFEST_UNKNOWN', message)
  }
  const headers: Headers = {
    'Content-Type': manifest.mediaType,
    'Content-Length': manifest.bytes.length,
    'Docker-Content-Digest': manifest.digest,
    ETag: `"${manifest.digest}"`,
  }
  const known = exchange.header('if-none-match')
  if (known === `"${manifest.digest}"` || (known === manifest.digest && known !== '')) {
    delete headers['Content-Length']
    return exchange.answer(304, headers)
  }
  await exchange.answer(200, headers, manifest.bytes)
}

/** `PUT /v2/<name>/manifests/<reference>`: stores it when all that it names is there. */
export async function putManifest(context: RegistryContext, exchange: Exchange): Promise<void> {
  const { repository, reference } = exchange
  const bytes = await bodyOf(exchange)
  const mediaType = exchange.header('content-type')?.split(';')[0]?.trim() ?? ''
  if (!isDigest(reference) && !isTag(reference)) {
    await exchange.refuse(400, 'MANIFEST_INVALID', 'the reference is neither a tag nor a digest')
  }
  if (isDigest(reference) && reference !== digestOf(bytes)) {
    await exchange.refuse(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content', {
      detail: { digest: reference, got: digestOf(bytes) },
    })
  }
  const json = await parse(exchange, bytes, mediaType)
  await checkReferences(context, exchange, json, mediaType)
  const subject = (json.subject ?? undefined)?.digest
  if (context.harbor?.version === '2.9' && subject !== undefined) {
    // A nil pointer in every 2.9: the subject has to be there first.
    const known = context.storage.manifest(repository, subject) !== undefined
    if (!known) await exchange.refuse(500, 'UNKNOWN', 'internal server error')
  }
  const tag = isDigest(reference) ? undefined : reference
  const manifest = await context.storage.putManifest(repository, bytes, mediaType, tag)
  const headers: Headers = {
    Location: `/v2/${repository}/manifests/${manifest.digest}`,
    'Docker-Content-Digest': manifest.digest,
    'Content-Length': 0,
  }
  if (manifest.subject !== undefined && tellsSubject(context)) {
    headers['OCI-Subject'] = manifest.subject
  }
  const push = { repository, reference, manifest, user: exchange.log.user }
  exchange.afterwards.push(() => context.pushed(push))
  await exchange.answer(201, headers)
}

/** `DELETE /v2/<name>/manifests/<reference>`: a tag, or a manifest with all its tags. */
export async function deleteManifest(context: RegistryContext, exchange: Exchange): Promise<void> {
  const { repository, reference } = exchange
  const found = context.storage.repositories.get(repository)
  if (isDigest(reference)) {
    if (!found?.manifests.has(reference)) return unknown(exchange)
    remove(context, found, reference)
  } else {
    if (context.harbor !== undefined) {
      await exchange.refuse(400, 'UNSUPPORTED', 'The operation is unsupported.')
    }
    if (!found?.tags.delete(reference)) return unknown(exchange)
  }
  await context.storage.save()
  await exchange.answer(202, { 'Content-Length': 0 })
}

/** Takes a manifest away with its tags, and in Harbor with all that name it as their subject. */
function remove(context: RegistryContext, from: StoredRepository, digest: Digest): void {
  from.manifests.delete(digest)
  for (const [tag, tagged] of from.tags) if (tagged === digest) from.tags.delete(tag)
  if (context.harbor === undefined) return
  for (const referrer of context.storage.referrers(from.name, digest)) {
    remove(context, from, referrer.digest)
  }
}

async function unknown(exchange: Exchange): Promise<never> {
  return exchange.refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown to registry', {
    detail: { name: exchange.repository, reference: exchange.reference },
  })
}

/** Harbor tells the subject from 2.9 on; others do when they have the referrers API. */
function tellsSubject({ harbor, init }: RegistryContext): boolean {
  return (init.referrers ?? true) && harbor?.version !== '2.8'
}

/** What distribution 2.8 looks at: OCI types must be named, Docker's are served to everybody. */
function accepts(exchange: Exchange, { mediaType }: StoredManifest): boolean {
  if (mediaType.startsWith('application/vnd.docker.')) return true
  const accept = exchange.header('accept') ?? ''
  return accept.split(',').some((type) => type.split(';')[0]!.trim() === mediaType)
}

async function bodyOf(exchange: Exchange): Promise<Uint8Array> {
  const tooLarge = new Interrupted('too large')
  try {
    return await collect(exchange.body(), MAX_MANIFEST_SIZE, () => tooLarge)
  } catch (error) {
    if (error !== tooLarge) throw error
    return exchange.refuse(413, 'REQUEST_ENTITY_TOO_LARGE', 'the manifest is larger than 4 MiB')
  }
}

interface ManifestJson {
  schemaVersion?: unknown
  mediaType?: unknown
  subject?: Descriptor
  config?: Descriptor
  layers?: Descriptor[]
  manifests?: Descriptor[]
}

async function parse(
  exchange: Exchange,
  bytes: Uint8Array,
  mediaType: string,
): Promise<ManifestJson> {
  const invalid = (message: string) => exchange.refuse(400, 'MANIFEST_INVALID', message)
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
    return invalid('unmarshal manifest failed: missing signature key')
  }
  let json: ManifestJson
  try {
    json = JSON.parse(Buffer.from(bytes).toString()) as ManifestJson
  } catch {
    return invalid('the manifest is not JSON')
  }
  if (typeof json !== 'object' || json === null || json.schemaVersion !== 2) {
    return invalid('the manifest has no schemaVersion 2')
  }
  const inside = json.mediaType ?? (mediaType.includes('.docker.') ? 'missing' : mediaType)
  if (inside !== mediaType) {
    return invalid(`mediaType in manifest should be '${mediaType}' not ${JSON.stringify(inside)}`)
  }
  const described = isIndexType(mediaType) ? [json.manifests] : [json.layers, [json.config]]
  if (!described.every((list) => Array.isArray(list) && list.every(isDescriptor))) {
    return invalid('the manifest lacks descriptors, or has some that are incomplete')
  }
  return json
}

function isDescriptor(value: unknown): boolean {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Descriptor>
  return typeof mediaType === 'string' && isDigest(digest) && Number.isSafeInteger(size)
}

/** Children must be manifests, config and layers blobs, of this repository, and as large as their descriptors say. */
async function checkReferences(
  context: RegistryContext,
  exchange: Exchange,
  json: ManifestJson,
  mediaType: string,
): Promise<void> {
  const found = context.storage.repositories.get(exchange.repository)
  const sizeOf = async (digest: Descriptor['digest']): Promise<number | undefined> => {
    if (isIndexType(mediaType)) return found?.manifests.get(digest)?.bytes.length
    return found?.blobs.has(digest) ? context.storage.blobSize(digest) : undefined
  }
  const named = isIndexType(mediaType) ? json.manifests! : [json.config!, ...json.layers!]
  for (const descriptor of named) {
    const { digest, size, urls } = descriptor
    const foreign = layerType(descriptor.mediaType)?.foreign === true && (urls?.length ?? 0) > 0
    const stored = await sizeOf(digest)
    if (stored === undefined && !foreign) {
      await exchange.refuse(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', {
        detail: { digest },
      })
    }
    if (stored !== undefined && stored !== size) {
      await exchange.refuse(400, 'MANIFEST_INVALID', 'a descriptor has the wrong size', {
        detail: { digest, size, stored },
      })
    }
  }
}
